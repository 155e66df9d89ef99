"""Answers that leave by MESH: queued with what they answer, sent at least once, settled.

The row, with the bytes that are sent and their local id, is written in the transaction of the
effect. A worker that dies between the sending and its record leaves a lease that runs out: the
same bytes leave again under the same local id, and that is counted.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from fhir.messaging import itk3
from fhir.messaging.itk3 import Acknowledgement, Fault, Header
from fhir.outcomes import NotFoundError
from hub import clock, records
from hub.adapters.gateways import Outcome
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.errors import StateError
from hub.models.mesh_send import MeshSend
from hub.models.outside_send import DEAD, WAITING
from hub.records import instant
from hub.records.ids import new_id
from hub.services import attempts, definitions, deliveries, mesh_arrivals

LEASE = mesh_arrivals.LEASE
BACK_OFF = deliveries.BACK_OFF
ACKNOWLEDGING = "_ACK"
"""What the workflow id of an answer ends with: TOC_FHIR_EDISCHARGE_ACK."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Everything that one sending needs."""

    send_id: str
    recipient: str
    workflow: str
    body: bytes
    key: str


def queue(
    inbox_id: str,
    kind: str,
    faults: Iterable[Fault],
    *,
    header: Header,
    mailbox: str,
    recipient: str,
    workflow: str,
) -> None:
    """Queue one answer to a message; its key, ``<inbox row>/<kind>``, is Mex-LocalID."""
    said = tuple(faults)
    definition = definitions.current()
    ours = definition.organisations[definition.hub_organisation]
    key = f"{inbox_id}/{kind}"
    ids = [str(uuid.uuid4()) for _ in range(4)]
    body = itk3.written(
        Acknowledgement(
            ids=(ids[0], ids[1], ids[2], ids[3]),
            header=header,
            faults=said,
            at=instant(clock.now()),
            endpoint=mailbox,
            organisation=ours.name,
            ods_code=ours.ods_code,
        )
    )
    now = clock.now()
    db.session.execute(
        insert(MeshSend)
        .values(
            id=new_id(),
            key=key,
            inbox_id=inbox_id,
            kind=kind,
            code=said[0].code.value,
            recipient=recipient,
            workflow=f"{workflow.removesuffix(ACKNOWLEDGING)}{ACKNOWLEDGING}",
            body=body,
            state=WAITING,
            created_at=now,
            due_at=now,
        )
        .on_conflict_do_nothing(constraint="uq_mesh_send_key")
    )


def due_sends(limit: int = 200) -> list[str]:
    """Return ids of what is due, the oldest first."""
    return attempts.due(MeshSend, limit)


def take(send_id: str) -> Envelope | None:
    """Take an answer in hand under a lease; None when there is nothing to send any more."""
    row = attempts.free(MeshSend, send_id)
    if row is None:
        return None
    attempts.lease(row, LEASE)
    db.session.flush()
    return Envelope(row.id, row.recipient, row.workflow, row.body, row.key)


def settle(send_id: str, outcome: Outcome) -> None:
    """Write down what came of an attempt; a refused one waits, at last it is given up."""
    row = db.session.get_one(MeshSend, send_id, with_for_update=True, populate_existing=True)
    if row.state != WAITING:
        return
    attempts.settle(row, outcome, tries=row.attempts, back_off=BACK_OFF)
    if outcome.taken:
        row.message_id = outcome.provider_id
    db.session.flush()


def undeliverable(message_id: str, why: str) -> None:
    """Note what MESH reports of a message that it took and could not deliver."""
    row = db.session.scalar(
        select(MeshSend).where(MeshSend.message_id == message_id).with_for_update()
    )
    if row is not None:
        row.state, row.error = DEAD, why
        db.session.flush()


def given_up(limit: int = 100) -> list[MeshSend]:
    """Return the answers that did not arrive, the latest first."""
    found = db.session.scalars(
        select(MeshSend).where(MeshSend.state == DEAD).order_by(MeshSend.id.desc()).limit(limit)
    )
    return list(found)


def send_again(actor: Actor, send_id: str) -> MeshSend:
    """Send what was given up again: the same bytes under the same local id, from the first wait on.

    Raises NotFoundError, StateError where it is not given up.
    """
    row = db.session.get(MeshSend, send_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFoundError(f"there is no answer {send_id}")
    if row.state != DEAD:
        raise StateError("only what was given up is sent again", field="state")
    # It may have arrived after all: that it leaves again is counted.
    detail = {"attempts": row.attempts, "error": row.error}
    records.audit.record(actor, "mesh-answer-replayed", f"MeshSend/{send_id}", detail)
    row.state, row.due_at, row.attempts = WAITING, clock.now(), 0
    row.repeats += 1
    db.session.flush()
    return row
