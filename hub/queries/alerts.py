"""Flags in force for people: what anybody must know before anything else."""

from collections.abc import Collection

from sqlalchemy import select

from hub import records
from hub.db import db
from hub.domain.actor import Actor
from hub.queries import rows
from hub.records import Record

_FLAG = records.table("Flag")


def in_force(actor: Actor, patient_ids: Collection[str]) -> dict[str, list[Record]]:
    """Return the active flags of each of these people, one statement for all."""
    found: dict[str, list[Record]] = {}
    if not patient_ids:
        return found
    statement = (
        select(_FLAG.c.patient_id, *rows.columns(_FLAG, "flag"))
        .where(
            _FLAG.c.patient_id.in_(sorted(patient_ids)),
            _FLAG.c.status == "active",
            ~_FLAG.c.deleted,
            records.visible_to(actor, _FLAG),
        )
        .order_by(_FLAG.c.id)
    )
    for row in db.session.execute(statement).mappings():
        found.setdefault(row["patient_id"], []).append(rows.required(row, "Flag", "flag"))
    return found
