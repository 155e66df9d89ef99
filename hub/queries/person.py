"""Everything that one person's page shows, in one statement over the person's compartment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, literal, select, union_all

from hub import records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.task_states import OPEN
from hub.models.decision import RoutingDecision
from hub.queries import rows
from hub.records import Record

_LIMITS: Mapping[str, int] = {
    "Patient": 1,
    "CareTeam": 20,
    "CarePlan": 20,
    "Goal": 50,
    "Task": 100,
    "ServiceRequest": 50,
    "Flag": 30,
    "EpisodeOfCare": 20,
    "Consent": 20,
    "RelatedPerson": 20,
    "Condition": 50,
    "AllergyIntolerance": 30,
    "MedicationStatement": 40,
    "MedicationRequest": 40,
    "Encounter": 15,
    "Appointment": 15,
    "Communication": 15,
    "QuestionnaireResponse": 15,
    "DocumentReference": 15,
}
"""What the page shows of each type, the newest first: one page, not the whole record."""


@dataclass(frozen=True, slots=True)
class PersonPage:
    patient: Record
    by_type: Mapping[str, list[Record]]

    def managed(self, resource_type: str) -> list[Record]:
        return [each for each in self.by_type.get(resource_type, []) if each.managed]

    def foreign(self, resource_type: str) -> list[Record]:
        return [each for each in self.by_type.get(resource_type, []) if not each.managed]

    def all(self, resource_type: str) -> list[Record]:
        return self.by_type.get(resource_type, [])


def person(
    actor: Actor, patient_id: str, types: tuple[str, ...] = tuple(_LIMITS)
) -> PersonPage | None:
    """Return the person's records that the actor may see; None when there is no such person."""
    parts = [_newest(actor, name, patient_id) for name in ("Patient", *types) if name in _LIMITS]
    statement = union_all(*dict.fromkeys(parts))
    found: dict[str, list[Record]] = {}
    for row in db.session.execute(statement).mappings():
        found.setdefault(row["type"], []).append(rows.required(row, row["type"], "record"))
    patients = found.get("Patient", [])
    if not patients:
        return None
    records.spool.looked(actor, "page", f"Patient/{patient_id}", patients[0].version)
    return PersonPage(patients[0], found)


def _newest(actor: Actor, name: str, patient_id: str) -> Select[Any]:
    table = records.table(name)
    key = table.c.id if name == "Patient" else table.c.patient_id
    newest = (
        select(*rows.columns(table, "record"))
        .where(key == patient_id, ~table.c.deleted, records.visible_to(actor, table))
        .order_by(table.c.last_updated.desc(), table.c.id.desc())
        .limit(_LIMITS[name])
        .subquery()
    )
    return select(literal(name).label("type"), newest)


def open_task_count(actor: Actor, patient_id: str) -> int:
    table = records.table("Task")
    statement = select(func.count()).where(
        table.c.patient_id == patient_id,
        table.c.status.in_(sorted(OPEN)),
        table.c.managed,
        ~table.c.deleted,
        records.visible_to(actor, table),
    )
    return db.session.scalar(statement) or 0


@dataclass(frozen=True, slots=True)
class WhyThem:
    """Why a task went to whom it went, and when that was decided."""

    sentence: str
    owner: str
    decided_at: datetime


def decisions(task_ids: list[str]) -> list[tuple[str, WhyThem]]:
    """Return every routing decision of these tasks, the newest first."""
    statement = (
        select(
            RoutingDecision.task_id,
            RoutingDecision.sentence,
            RoutingDecision.owner,
            RoutingDecision.decided_at,
        )
        .where(RoutingDecision.task_id.in_(task_ids))
        .order_by(RoutingDecision.id.desc())
    )
    return [
        (row.task_id, WhyThem(row.sentence, row.owner, row.decided_at))
        for row in db.session.execute(statement)
    ]
