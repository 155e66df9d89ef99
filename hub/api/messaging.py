"""POST /fhir/$process-message: the door for BaRS messages. Their ids go back with every answer."""

import uuid
from collections.abc import Mapping
from http import HTTPStatus

import psycopg
import structlog
from flask import Blueprint, Response, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from fhir.jsontext import dumps
from fhir.messaging import MessageRefusedError, echoed
from fhir.outcomes import FHIRError, MethodNotAllowedError
from hub import at_hand
from hub.api import limits, rates
from hub.api.negotiation import FHIR_JSON
from hub.api.operations import Operation, Parameter, declare
from hub.api.site import PREFIX
from hub.auth import current_actor
from hub.services import messages
from hub.services.messages import MessageAnswer
from hub.transaction import transaction

_log = structlog.get_logger()

PATH = f"{PREFIX}/$process-message"
TRIES = 4
"""Attempts when the database asked for another (deadlock, serialisation)."""
_RETRY_SECONDS = "2"

declare(
    Operation(
        "process-message",
        "Take one message of the Booking and Referral Standard.",
        (
            Parameter("content", "Bundle", min=1),
            Parameter("return", "Bundle", use="out"),
        ),
        system=True,
        affects_state=True,
        canonical="http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message",
    )
)

blueprint = Blueprint("messaging", __name__, url_prefix=PREFIX)
blueprint.before_request(rates.limit)


@blueprint.post("/$process-message")
def process_message() -> Response:
    """Take one message; inbox row and effect are committed before the answer leaves."""
    actor = current_actor()
    headers = dict(request.headers)
    body = limits.received()
    for attempt in range(1, TRIES + 1):
        try:
            with transaction():
                answer = messages.process(actor, headers, body)
            return _response(answer)
        except (DBAPIError, psycopg.Error, PoolTimeoutError) as error:
            if attempt == TRIES or not _worth_another(error):
                _log.exception("message not stored")
                return _unavailable(headers)
    raise AssertionError("the last attempt returns or raises")


@blueprint.route("/$process-message", methods=["GET", "PUT", "PATCH", "DELETE"])
def wrong_method() -> Response:
    """A message is posted: anything else gets the standard's 405, not a page."""
    raise MethodNotAllowedError("a message is sent by POST", headers={"Allow": "POST"})


@blueprint.errorhandler(FHIRError)
def _refuse(error: FHIRError) -> Response:
    """Say what the rest of the hub refuses (no token, too large) in the words of BaRS."""
    refusal = MessageRefusedError(
        error.text, issue=error.issues[0].code, status=error.status, issues=error.issues
    )
    return _outcome(refusal, {**error.headers, **_echoed()})


@blueprint.errorhandler(Exception)
def _fail(error: Exception) -> Response:
    """Answer what nobody foresaw: the sender keeps the message and asks its support."""
    _log.error("message endpoint failed", exc_info=error)
    refusal = MessageRefusedError(
        "Something went wrong at the receiver; nothing was stored", issue="exception", status=500
    )
    return _outcome(refusal, _echoed())


@blueprint.after_app_request
def _echo(response: Response) -> Response:
    """Send the ids back even where another part of the hub answered (405, 401)."""
    if at_hand.request().environ["PATH_INFO"] == PATH:
        for name, value in _echoed().items():
            response.headers.setdefault(name, value)
    return response


def _echoed() -> dict[str, str]:
    return echoed(dict(request.headers))


def _worth_another(error: Exception) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure)


def _unavailable(headers: dict[str, str]) -> Response:
    refusal = MessageRefusedError(
        "The receiver cannot store the message now; send it again with the same X-Request-Id",
        issue="transient",
        status=HTTPStatus.SERVICE_UNAVAILABLE,
    )
    return _outcome(refusal, {**echoed(headers), "Retry-After": _RETRY_SECONDS})


def _outcome(refusal: MessageRefusedError, headers: Mapping[str, str]) -> Response:
    body = refusal.outcome(str(uuid.uuid4()))
    return _response(MessageAnswer(refusal.status, body, dict(headers)))


def _response(answer: MessageAnswer) -> Response:
    response = Response(dumps(answer.body), status=answer.status, mimetype=FHIR_JSON)
    response.headers.extend(answer.headers)
    return response
