"""The clock of a simulated hub, moved from outside; a normal hub does not have these addresses.

The design, decision 12: simulated time advances only when outbox, queues and due sweeps are empty.
"""

import time
from datetime import UTC, datetime

from flask import Blueprint, Flask, Response, current_app, request

from fhir.jsontext import dumps
from fhir.outcomes import BadRequestError, ConflictError, ForbiddenError
from hub import clock
from hub.api import errors
from hub.auth import current_actor
from hub.db import db
from hub.domain.actor import ActorKind
from hub.queries import idle
from hub.records.outbox import WAKE_CHANNEL

blueprint = Blueprint("simulation", __name__, url_prefix="/simulation")
errors.register(blueprint)

LONGEST_WAIT = 5.0
"""Seconds that a request is held: less than any client's time-out."""
_LOOK_AGAIN = 0.01


def init_app(app: Flask) -> None:
    """Add the addresses to a hub that was created simulated, and to no other."""
    if app.config["CAREHUB"].simulated:
        app.register_blueprint(blueprint)


@blueprint.before_request
def only_for_systems() -> None:
    if current_actor().kind is not ActorKind.SYSTEM:
        raise ForbiddenError("the simulated clock is moved by the simulator only")


@blueprint.get("/idle")
def show_idle() -> Response:
    """Say whether everything that is due has been done, and when the next thing falls due.

    With ``wait`` the answer comes when the hub has come to rest, or after so many seconds.
    """
    patience = min(request.args.get("wait", 0.0, type=float), LONGEST_WAIT)
    deadline = time.monotonic() + patience
    while not (at_rest := idle.is_idle()) and time.monotonic() < deadline:
        db.session.rollback()
        time.sleep(_LOOK_AGAIN)
    due = idle.next_due()
    return _answer(
        {
            "now": clock.now().isoformat(),
            "idle": at_rest,
            "next_due": due.isoformat() if due else None,
        }
    )


@blueprint.post("/clock")
def move_clock() -> Response:
    """Move the clock forward to ``{"now": "..."}`` and start every sweep that this makes due."""
    wanted = _wanted()
    if wanted < clock.now():
        raise ConflictError("time does not run backwards")
    if not idle.is_idle():
        raise ConflictError("the hub is at work: time stands still until everything due is done")
    clock.set_simulated(current_app.config["CAREHUB"].home, wanted)
    current_app.extensions["carehub_redis"].publish(WAKE_CHANNEL, "sweep")
    return _answer({"now": wanted.isoformat()})


def _wanted() -> datetime:
    said = request.get_json(silent=True)
    text = said.get("now") if isinstance(said, dict) else None
    try:
        wanted = datetime.fromisoformat(str(text))
    except ValueError:
        raise BadRequestError('give {"now": "2026-12-27T08:00:00Z"}', expression="now") from None
    if wanted.tzinfo is None:
        raise BadRequestError("an instant needs its time zone", expression="now")
    return wanted.astimezone(UTC)


def _answer(said: dict[str, object]) -> Response:
    return Response(dumps(said), content_type="application/json")
