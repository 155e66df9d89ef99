"""Our messages to other systems: sent in the order of their referral, what came of it kept."""

import structlog
from flask import current_app

from hub.adapters import proxy_token
from hub.adapters.message_post import HTTPMessagePost, MessagePost
from hub.models.outgoing_message import SENT
from hub.services import onward, outgoing_messages
from hub.settings import Settings
from hub.transaction import transaction
from workflows.app import celery, sender

log = structlog.get_logger(__name__)

AT_ONCE = 20
"""Messages about one referral by one Celery message; there are rarely more than three."""


@celery.task(name="workflows.answering.sweep")  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Start a task for each referral that has something due: a slow system holds up nobody's."""
    for subject in outgoing_messages.due_subjects():
        sender.send("workflows.answering.answer", subject)


@celery.task(name="workflows.answering.answer")  # type: ignore[untyped-decorator]
def answer(subject: str) -> int:
    """Send what is due about one referral, one after another; stop at the first refusal."""
    settings: Settings = current_app.config["CAREHUB"]
    post: MessagePost = current_app.extensions.get("carehub_message_post") or HTTPMessagePost(
        settings.bars_url, proxy_token.of(settings, settings.bars_token)
    )
    for sent in range(AT_ONCE):
        with transaction():
            letter = outgoing_messages.take(subject)
        if letter is None:
            return sent
        # Outside any transaction: a slow system must not hold a lock or a connection.
        came = post.post(letter.url, letter.headers, letter.body)
        with transaction():
            row = outgoing_messages.settle(letter.message_id, came)
            if row is not None and row.state == SENT:
                onward.arrived(row)
            elif row is not None:
                onward.not_taken(row)
            arrived = row is not None and row.state == SENT
        if not arrived:
            log.warning("message not taken", message=letter.message_id, error=came.error)
            return sent
    return AT_ONCE
