"""What waits at the single point of referral: open triage, the person, the referral itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select

from hub import records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.task_states import OPEN
from hub.queries import rows
from hub.records import Record

_TASK = records.table("Task")
_REQUEST = records.table("ServiceRequest")
_PATIENT = records.table("Patient")

URGENCY = {"stat": 0, "asap": 1, "urgent": 2, "routine": 3}
"""FHIR priorities, the most urgent first (http://hl7.org/fhir/request-priority)."""
LONGEST = 300
"""Rows on one board: more than a district receives in a bad hour."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One referral that waits for triage."""

    task: Record
    request: Record | None
    patient: Record | None


@dataclass(frozen=True, slots=True)
class WaitingKey:
    """What decides whether the board looks different: a version and a deadline."""

    id: str
    version: int
    priority: str
    step: str | None
    due_at: datetime | None


def keys(actor: Actor, teams: frozenset[str]) -> list[WaitingKey]:
    """Return the open triage of these teams, most urgent first: cheap, read at every refresh."""
    task = _TASK.c
    statement = _open_triage(
        actor,
        teams,
        select(task.id, task.version, task.priority, task.business_status, task.due_at),
    )
    return [
        WaitingKey(row.id, row.version, row.priority or "routine", row.business_status, row.due_at)
        for row in db.session.execute(statement)
    ]


def waiting(actor: Actor, teams: frozenset[str]) -> list[Waiting]:
    """Return the same, with everything that the board shows."""
    statement = _open_triage(
        actor,
        teams,
        select(
            *rows.columns(_TASK, "task"),
            *rows.columns(_REQUEST, "request"),
            *rows.columns(_PATIENT, "patient"),
        )
        .select_from(_TASK)
        .outerjoin(
            _REQUEST,
            (_REQUEST.c.id == func.split_part(_TASK.c.focus, "/", 2))
            & records.visible_to(actor, _REQUEST),
        )
        .outerjoin(
            _PATIENT,
            (_PATIENT.c.id == _TASK.c.patient_id) & records.visible_to(actor, _PATIENT),
        ),
    )
    return [
        Waiting(
            task=rows.required(row, "Task", "task"),
            request=rows.record(row, "ServiceRequest", "request"),
            patient=rows.record(row, "Patient", "patient"),
        )
        for row in db.session.execute(statement).mappings()
    ]


def became(actor: Actor, request: str) -> list[Record]:
    """Return the work that an accepted referral (``ServiceRequest/1``) became, the first first."""
    statement = (
        select(*rows.columns(_TASK, "task"))
        .where(
            _TASK.c.focus == request,
            _TASK.c.code == "intervention",
            _TASK.c.managed,
            ~_TASK.c.deleted,
            records.visible_to(actor, _TASK),
        )
        .order_by(_TASK.c.id)
    )
    return [rows.required(row, "Task", "task") for row in db.session.execute(statement).mappings()]


def _open_triage(actor: Actor, teams: frozenset[str], statement: Select[Any]) -> Select[Any]:
    task = _TASK.c
    urgency = case(URGENCY, value=task.priority, else_=URGENCY["routine"])
    return (
        statement.where(
            task.owner.in_(sorted(teams)),
            task.status.in_(sorted(OPEN)),
            task.code == "triage",
            task.managed,
            ~task.deleted,
            records.visible_to(actor, _TASK),
        )
        .order_by(urgency, task.due_at.asc().nulls_last(), task.id)
        .limit(LONGEST)
    )
