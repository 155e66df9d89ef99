"""Every error of the API becomes an OperationOutcome with a request id; nothing else leaks."""

import psycopg
import structlog
from flask import Blueprint, Flask, Response, g, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from fhir.jsontext import dumps
from fhir.outcomes import (
    BadRequestError,
    ConflictError,
    FHIRError,
    ForbiddenError,
    MethodNotAllowedError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
    UnprocessableError,
    UnsupportedMediaTypeError,
    operation_outcome,
)
from hub import at_hand
from hub.api import formats
from hub.api.negotiation import FHIR_JSON
from hub.api.site import PREFIX
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.records import audit
from hub.written import Written

_log = structlog.get_logger()

RETRY_SECONDS = "2"
_BELOW = f"{PREFIX}/"
LONGEST_ID = 64

_BY_STATUS: dict[int, type[FHIRError]] = {
    404: NotFoundError,
    405: MethodNotAllowedError,
    413: TooLargeError,
    415: UnsupportedMediaTypeError,
}


def from_rule(error: RuleError) -> FHIRError:
    """Return a refusal of the hub's rules as the FHIR error it is."""
    if isinstance(error, NotPermittedError):
        return ForbiddenError(error.text, expression=error.field)
    if isinstance(error, StateError):
        return ConflictError(error.text, expression=error.field)
    return UnprocessableError(error.text, expression=error.field)


def known(error: Exception) -> FHIRError | None:
    """Return what a client may know of an exception; None: nothing, it is a defect of ours."""
    if isinstance(error, FHIRError):
        return error
    if isinstance(error, RuleError):
        return from_rule(error)
    if isinstance(error, HTTPException):
        status = error.code or 500
        if status < 500:
            kind = _BY_STATUS.get(status, BadRequestError)
            return kind(error.description or error.name)
        return None
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg.DataError):
        # U+0000 in an address, a number beyond what can be compared: legal JSON or URL, no data.
        return BadRequestError("a value is outside of what can be stored", code="value")
    if isinstance(cause, psycopg.errors.ProgramLimitExceeded):
        return UnprocessableError("this asks for more than one statement can do", code="too-costly")
    if isinstance(cause, psycopg.OperationalError | PoolTimeoutError):
        # The server is gone or overloaded, or two transactions waited for one another.
        return UnavailableError(
            "the hub cannot do this at the moment: try again",
            headers={"Retry-After": RETRY_SECONDS},
        )
    return None


def answer(error: Exception) -> Response:
    """Turn any exception into its answer."""
    found = known(error)
    request_id = g.get("request_id")
    if found is None:
        _log.error("API request failed", path=request.path, request_id=request_id, exc_info=error)
        found = FHIRError("something went wrong in the hub; nothing was written")
    elif found.status >= 500:
        _log.warning("API unavailable", path=request.path, request_id=request_id, exc_info=error)
    response = Response(
        dumps(operation_outcome(found.issues, request_id)),
        status=found.status,
        content_type=FHIR_JSON,
        headers=found.headers,
    )
    if isinstance(error, HTTPException) and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]
    return response


def register(blueprint: Blueprint) -> None:
    """Let a blueprint of the API answer every error as an OperationOutcome."""
    blueprint.register_error_handler(Exception, answer)
    blueprint.register_error_handler(HTTPException, answer)


def init_app(app: Flask) -> None:
    """Answer addresses below /fhir that no route knows; name the request in every answer."""
    app.register_error_handler(FHIRError, answer)
    app.after_request(_finish)


def _finish(response: Response) -> Response:
    environ = at_hand.request().environ
    path = environ["PATH_INFO"]
    if not path.startswith(_BELOW) and path != PREFIX:
        return response
    conversation = _conversation(environ.get("HTTP_X_CORRELATION_ID"))
    if isinstance(response, Written) and formats.stays(environ):
        named = ("X-Request-Id", audit.request_id.get() or "")
        response.beside += (formats.VARY, named, *conversation)
        return response
    if response.status_code >= 400 and response.mimetype == "text/html":
        # Refused before a view of ours ran: no route, wrong method, unreadable request.
        kind = _BY_STATUS.get(response.status_code, BadRequestError)
        text = (
            f"{request.method} is not possible at this address"
            if response.status_code == 405
            else "nothing is at this address"
        )
        response.set_data(dumps(operation_outcome(kind(text).issues, g.get("request_id"))))
        response.content_type = FHIR_JSON
    if response.headers.get("X-Request-Id") is None:
        response.headers.add("X-Request-Id", g.get("request_id", ""))
    if response.headers.get("X-Correlation-Id") is None:
        response.headers.extend(conversation)
    return formats.rendered(response)


def _conversation(given: str | None) -> tuple[tuple[str, str], ...]:
    """Return the header that goes back to who named its conversation (BaRS, OpenAPI 1.4.0)."""
    plain = given is not None and given.isascii() and given.replace("-", "").isalnum()
    if given is None or not plain or len(given) > LONGEST_ID:
        return ()
    return (("X-Correlation-Id", given),)
