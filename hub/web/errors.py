"""Error pages in plain words, with the request's id for whoever is asked to help."""

import structlog
from flask import Flask, Response, g, request
from psycopg import DataError
from sqlalchemy.exc import DataError as SQLAlchemyDataError
from werkzeug.exceptions import HTTPException

from fhir.outcomes import FHIRError
from hub.auth.door import API_PREFIX
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.web.rendering import page
from hub.web.site import blueprint

_log = structlog.get_logger()

_WORDS = {
    400: ("Something in the address or the form was not understood", ""),
    403: (
        "You may not do this",
        "If it is about a person whom you look after, ask their care coordinator or the single "
        "point of referral to add you to their care team.",
    ),
    404: (
        "There is nothing here that you may see",
        "The address may be wrong, or it is a record of somebody you have no relationship with.",
    ),
    405: ("This page cannot be used in that way", ""),
    409: (
        "Somebody else was first",
        "Nothing was saved. Look at how it stands now, then try again.",
    ),
    410: ("This was deleted", ""),
    412: (
        "Somebody else changed this while you were looking at it",
        "Nothing was saved. Look at how it stands now, then try again.",
    ),
    422: ("This cannot be done as it is", "Nothing was saved."),
    429: ("Too many requests", "Wait a minute, then try again."),
    500: (
        "Something went wrong in Carehub",
        "Nothing was saved by your last step. Try again; if it happens again, tell the service "
        "desk the number below.",
    ),
    503: ("Carehub cannot be reached for a moment", "Try again in a minute."),
}


def init_app(app: Flask) -> None:
    app.register_error_handler(404, _unknown_address)
    app.register_error_handler(405, _unknown_address)


@blueprint.errorhandler(FHIRError)
def refused_by_records(error: FHIRError) -> Response:
    # What is not there has only an address to name it by, and that says nothing to a reader.
    text = "" if error.status == 404 else error.text
    return error_page(409 if error.status == 412 else error.status, text)


@blueprint.errorhandler(RuleError)
def refused_by_rule(error: RuleError) -> Response:
    if isinstance(error, NotPermittedError):
        return error_page(403, error.text)
    return error_page(409 if isinstance(error, StateError) else 422, error.text)


@blueprint.errorhandler(HTTPException)
def refused_by_http(error: HTTPException) -> Response:
    status = error.code or 500
    text = error.description if status in {403, 429} else ""
    return error_page(status, text or "")


@blueprint.errorhandler(DataError)
def unstorable(error: DataError) -> Response:
    """Text that no database keeps, such as U+0000 in an address: the sender's fault, not ours."""
    _log.warning("unstorable input", kind=type(error).__name__)
    return error_page(400)


@blueprint.errorhandler(SQLAlchemyDataError)
def unstorable_in_a_query(error: SQLAlchemyDataError) -> Response:
    _log.warning("unstorable input", kind=type(error).__name__)
    return error_page(400)


@blueprint.errorhandler(Exception)
def failed(error: Exception) -> Response:
    _log.exception("page failed", path=request.path, request_id=g.get("request_id"))
    if isinstance(error, HTTPException):
        return refused_by_http(error)
    return error_page(500)


def error_page(status: int, text: str = "") -> Response:
    title, advice = _WORDS.get(status, _WORDS[500])
    return page(
        "errors/error.html",
        status,
        status=status,
        heading=title,
        advice=advice,
        text=_sentence(text),
        request_id=g.get("request_id", ""),
        back=request.referrer if request.method == "POST" else "",
    )


def _sentence(text: str) -> str:
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


def _unknown_address(error: HTTPException) -> Response | HTTPException:
    """Answer an address without a route: in words, unless a system asked."""
    if request.path == API_PREFIX or request.path.startswith(API_PREFIX + "/"):
        return error
    return error_page(error.code or 404)
