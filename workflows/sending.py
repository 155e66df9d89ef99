"""SMS and e-mail: what is due is sent, each by a task of its own, and what came of it is kept."""

from collections.abc import Mapping

import structlog
from flask import current_app

from hub.adapters import gateways
from hub.adapters.gateways import Gateway, Outcome
from hub.services import outside_sends
from hub.transaction import transaction
from workflows.app import celery, sender

log = structlog.get_logger(__name__)


@celery.task(name="workflows.sending.sweep")  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Start a task for each message that is due: a slow gateway holds up nobody else's."""
    for send_id in outside_sends.due_sends():
        sender.send("workflows.sending.send", send_id)


@celery.task(name="workflows.sending.send")  # type: ignore[untyped-decorator]
def send(send_id: str) -> bool:
    """Send one message; False when there was nothing to send or it was not taken."""
    with transaction():
        letter = outside_sends.take(send_id)
    if letter is None:
        return False
    # Outside any transaction: a slow gateway must not hold a lock or a connection.
    try:
        outcome = _gateways()[letter.channel].send(letter.address, letter.text, key=letter.key)
    except Exception as error:
        # A fault of ours is no answer: it may have left.
        log.exception("sending failed", send=send_id)
        outcome = Outcome(taken=False, error=type(error).__name__, uncertain=True)
    with transaction():
        outside_sends.settle(letter.send_id, outcome)
    if not outcome.taken:
        log.warning("message not taken", send=send_id, error=outcome.error)
    return outcome.taken


def _gateways() -> Mapping[str, Gateway]:
    found: Mapping[str, Gateway] = current_app.extensions.get("carehub_gateways") or gateways.of(
        current_app.config["CAREHUB"]
    )
    return found
