"""The records that a day left behind, as the rows that the report counts."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from fhir import jsontext
from hub import clock, records
from hub.db import db
from hub.models.clock import TaskClock
from hub.models.decision import RoutingDecision
from hub.models.escalation import EscalationStep
from hub.models.message import InboxMessage
from hub.samples.day_messages import REFERRAL_NUMBER
from hub.samples.day_report import InboxRow, ReferralRow, TaskRow


def inbox(client: str) -> list[InboxRow]:
    """Return every arrival from a client, repeats included."""
    rows = db.session.execute(
        select(
            InboxMessage.request_id, InboxMessage.status, InboxMessage.kind, InboxMessage.subject
        )
        .where(InboxMessage.client == client)
        .order_by(InboxMessage.id)
    )
    return [InboxRow(row.request_id, row.status, row.kind, row.subject) for row in rows]


def referrals() -> list[ReferralRow]:
    """Return every managed referral that carries a number of the simulator."""
    found = []
    for resource_id, resource in _contents("ServiceRequest"):
        number = next(
            (
                each.get("value")
                for each in resource.get("identifier", ())
                if each.get("system") == REFERRAL_NUMBER
            ),
            None,
        )
        if number is not None:
            found.append(
                ReferralRow(f"ServiceRequest/{resource_id}", number, str(resource["status"]))
            )
    return found


def tasks() -> list[TaskRow]:
    """Return the tasks of referrals with what routing and escalation did about them."""
    routed: dict[str, list[str]] = {}
    for decision in db.session.execute(
        select(RoutingDecision.task_id, RoutingDecision.owner).order_by(RoutingDecision.id)
    ):
        routed.setdefault(decision.task_id, []).append(decision.owner)
    escalations = {
        row.task_id: row.steps
        for row in db.session.execute(
            select(EscalationStep.task_id, func.count().label("steps")).group_by(
                EscalationStep.task_id
            )
        )
    }
    late = _late(clock.now())
    table = records.table("Task")
    rows = db.session.execute(
        select(
            table.c.id,
            table.c.focus,
            table.c.code,
            table.c.status,
            table.c.business_status,
            table.c.owner,
        )
        .where(table.c.managed, ~table.c.deleted, table.c.focus.startswith("ServiceRequest/"))
        .order_by(table.c.id)
    )
    return [
        TaskRow(
            id=row.id,
            focus=row.focus,
            code=row.code or "",
            status=row.status or "",
            step=row.business_status,
            owner=row.owner or "",
            routed_to=tuple(routed.get(row.id, ())),
            escalations=escalations.get(row.id, 0),
            breached=row.id in late,
        )
        for row in rows
    ]


def _late(now: datetime) -> set[str]:
    """Return the tasks whose clock ran out before it was stopped."""
    return set(
        db.session.scalars(
            select(TaskClock.task_id).where(
                TaskClock.due_at < func.coalesce(TaskClock.stopped_at, now)
            )
        )
    )


def _contents(resource_type: str) -> list[tuple[str, dict[str, Any]]]:
    table = records.table(resource_type)
    rows = db.session.execute(
        select(table.c.id, table.c.content)
        .where(table.c.managed, ~table.c.deleted)
        .order_by(table.c.id)
    )
    return [(row.id, jsontext.loads(row.content)) for row in rows]
