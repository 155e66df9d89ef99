"""A coordinator's people with their work, plans and named people, in two statements."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import literal, select, true, union_all

from hub import records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.task_states import OPEN
from hub.queries import rows
from hub.records import Record
from hub.records.relationships import CARE_TEAM
from hub.records.tables import RELATIONSHIPS

_TEAM = records.table("CareTeam")
_PATIENT = records.table("Patient")
_TASK = records.table("Task")
_PLAN = records.table("CarePlan")
_EPISODE = records.table("EpisodeOfCare")

LONGEST = 400


@dataclass(slots=True)
class PersonRecords:
    """What a caseload needs to know of one person."""

    patient: Record
    team: Record
    """The managed CareTeam with the named accountable people."""
    tasks: list[Record] = field(default_factory=list)
    """Open managed tasks."""
    plans: list[Record] = field(default_factory=list)
    """Managed plans that are not over."""
    on_register: bool = False


def people(actor: Actor) -> list[PersonRecords]:
    """Return the people in whose care team the actor is named."""
    found = _named(actor)
    if found:
        _add_work(actor, found)
    return list(found.values())


def _named(actor: Actor) -> dict[str, PersonRecords]:
    related = select(RELATIONSHIPS.c.patient_id).where(
        RELATIONSHIPS.c.party == (actor.practitioner or ""),
        RELATIONSHIPS.c.basis == CARE_TEAM,
    )
    statement = (
        select(*rows.columns(_TEAM, "team"), *rows.columns(_PATIENT, "patient"))
        .select_from(_TEAM)
        .join(_PATIENT, _PATIENT.c.id == _TEAM.c.patient_id)
        .where(
            _TEAM.c.patient_id.in_(related),
            _TEAM.c.category == "accountability",
            _TEAM.c.status == "active",
            _TEAM.c.managed,
            ~_TEAM.c.deleted,
            ~_PATIENT.c.deleted,
            records.visible_to(actor, _TEAM),
        )
        .limit(LONGEST)
    )
    return {
        row["patient_id"]: PersonRecords(
            patient=rows.required(row, "Patient", "patient"),
            team=rows.required(row, "CareTeam", "team"),
        )
        for row in db.session.execute(statement).mappings()
    }


def _add_work(actor: Actor, found: dict[str, PersonRecords]) -> None:
    ids: Sequence[str] = sorted(found)
    parts = [
        select(
            literal(name).label("type"), table.c.patient_id, *rows.columns(table, "record")
        ).where(
            table.c.patient_id.in_(ids),
            table.c.status.in_(statuses),
            further,
            table.c.managed,
            ~table.c.deleted,
            records.visible_to(actor, table),
        )
        for table, name, statuses, further in (
            (_TASK, "Task", sorted(OPEN), true()),
            (_PLAN, "CarePlan", ["draft", "active", "on-hold"], true()),
            (_EPISODE, "EpisodeOfCare", ["active"], _EPISODE.c.type == "eol-register"),
        )
    ]
    for row in db.session.execute(union_all(*parts)).mappings():
        person = found[row["patient_id"]]
        held = rows.required(row, row["type"], "record")
        if row["type"] == "Task":
            person.tasks.append(held)
        elif row["type"] == "CarePlan":
            person.plans.append(held)
        else:
            person.on_register = True
