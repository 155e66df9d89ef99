"""What stands for a person now: their managed records of one type, by status and code."""

from collections.abc import Collection

from sqlalchemy import select

from hub import records
from hub.db import db
from hub.domain.actor import Actor
from hub.queries import rows
from hub.records import Record


def managed(
    actor: Actor,
    resource_type: str,
    patient_id: str,
    *,
    status: Collection[str] = (),
    code: str | None = None,
    code_column: str = "code",
) -> list[Record]:
    """Return the person's managed records that the actor may see, the oldest first.

    ``status`` and ``code`` narrow by the promoted columns of the type.
    """
    table = records.table(resource_type)
    statement = (
        select(*rows.columns(table, "record"))
        .where(
            table.c.patient_id == patient_id,
            table.c.managed,
            ~table.c.deleted,
            records.visible_to(actor, table),
        )
        .order_by(table.c.id)
    )
    if status:
        statement = statement.where(table.c.status.in_(sorted(status)))
    if code is not None:
        statement = statement.where(table.c[code_column] == code)
    return [
        rows.required(row, resource_type, "record")
        for row in db.session.execute(statement).mappings()
    ]


def register_episodes(actor: Actor, patient_id: str) -> list[Record]:
    """Return the open entries of the end-of-life register: one, or none."""
    return managed(
        actor,
        "EpisodeOfCare",
        patient_id,
        status=("active",),
        code="eol-register",
        code_column="type",
    )


def sharing_consents(actor: Actor, patient_id: str) -> list[Record]:
    """Return the consents (or best-interests decisions) in force."""
    return managed(actor, "Consent", patient_id, status=("active",))


def is_replaced(patient: Record) -> bool:
    """Say whether the record was merged into another one of the same person."""
    return any(link.get("type") == "replaced-by" for link in patient.get("link") or ())
