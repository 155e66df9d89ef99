"""The MESH mailbox: looked into, each message taken in once and acknowledged after the commit.

Each message, and each answer that leaves, has a task of its own: one that kills its worker holds
up no other.
"""

import structlog
from flask import current_app

from hub.adapters import mesh
from hub.adapters.gateways import Outcome
from hub.adapters.mesh import Mailbox, MailboxError
from hub.services import document_messages, mesh_arrivals, mesh_sends
from hub.transaction import transaction
from workflows.app import celery, sender

log = structlog.get_logger(__name__)


@celery.task(name="workflows.mesh.poll")  # type: ignore[untyped-decorator]
def poll() -> int:
    """Look into the mailbox and start a task for each message in it; return how many."""
    mailbox = _mailbox()
    try:
        listed = mailbox.listed()
    except MailboxError as error:
        log.error("the mailbox could not be looked into", error=str(error))  # noqa: TRY400
        return 0
    with transaction():
        due = mesh_arrivals.found(mailbox.name, listed)
    for arrival_id in due:
        sender.send("workflows.mesh.pick_up", arrival_id)
    return len(due)


@celery.task(name="workflows.mesh.pick_up")  # type: ignore[untyped-decorator]
def pick_up(arrival_id: str) -> bool:
    """Take one message in, once; tell MESH so after the commit. False: a later poll goes on."""
    with transaction():
        in_hand = mesh_arrivals.take(arrival_id)
    if in_hand is None:
        return False
    mailbox = _mailbox()
    try:
        if not in_hand.settled:
            # Outside any transaction: a slow download must not hold a lock or a connection.
            letter = mailbox.download(in_hand.message_id, most=document_messages.largest())
            with transaction():
                if mesh_arrivals.unsettled(arrival_id):
                    inbox_id = document_messages.take_in(letter)
                    mesh_arrivals.settle(arrival_id, inbox_id)
            sender.hint("workflows.mesh.sweep")
        mailbox.acknowledge(in_hand.message_id)
    except MailboxError as error:
        log.warning("a message stays in the mailbox", arrival=arrival_id, error=str(error))
        with transaction():
            mesh_arrivals.failed(arrival_id, str(error))
        return False
    with transaction():
        mesh_arrivals.acknowledged(arrival_id)
    return True


@celery.task(name="workflows.mesh.sweep")  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Start a task for each answer that is due."""
    for send_id in mesh_sends.due_sends():
        sender.send("workflows.mesh.send", send_id)


@celery.task(name="workflows.mesh.send")  # type: ignore[untyped-decorator]
def send(send_id: str) -> bool:
    """Send one answer; False when there was nothing to send or it was not taken."""
    with transaction():
        envelope = mesh_sends.take(send_id)
    if envelope is None:
        return False
    try:
        outcome = _mailbox().send(
            envelope.recipient, envelope.workflow, envelope.body, key=envelope.key
        )
    except Exception as error:
        # A fault of ours is no answer: it may have left.
        log.exception("sending by MESH failed", send=send_id)
        outcome = Outcome(taken=False, error=type(error).__name__, uncertain=True)
    with transaction():
        mesh_sends.settle(envelope.send_id, outcome)
    if not outcome.taken:
        log.warning("answer not taken by MESH", send=send_id, error=outcome.error)
    return outcome.taken


def _mailbox() -> Mailbox:
    return mesh.of(current_app.config["CAREHUB"])
