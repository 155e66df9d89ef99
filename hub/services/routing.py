"""Routing a task to a person: gather what the pure decision needs, decide, keep the decision."""

from collections.abc import Collection

from sqlalchemy import func, select

from hub import clock, records
from hub.db import db
from hub.domain import routing as rules
from hub.domain.actor import Actor
from hub.domain.routing import Decision, Level
from hub.domain.task_states import TaskStatus
from hub.models.decision import RoutingDecision
from hub.models.shift import Shift
from hub.records.ids import new_id
from hub.records.record import Record
from hub.services import notices, task_content, tasks
from hub.services.situation import Situation

_WAITING = frozenset({TaskStatus.REQUESTED, TaskStatus.RECEIVED, TaskStatus.REJECTED})
_MOVES_ANYBODY = frozenset({"absence", "breach"})
"""Causes that take work from a person who has accepted it."""


def route(
    actor: Actor, task_id: str, *, cause: str = "new", displaced: str | None = None
) -> RoutingDecision | None:
    """Give a task to the right person on shift; None when there is nothing to route any more.

    ``displaced`` is who lost it by ``cause`` (declined, breach, absence): they do not get it back.
    """
    locked = records.lock(actor, "Task", task_id)
    if not _needs_routing(locked, cause):
        return None
    return _decide(actor, Situation(actor, [locked]), locked, cause, displaced)


def route_many(
    actor: Actor, task_ids: Collection[str], *, cause: str, displaced: str | None = None
) -> list[RoutingDecision]:
    """Route many tasks in the open transaction, each decision seeing the ones before it."""
    locked = [records.lock(actor, "Task", task_id) for task_id in sorted(task_ids)]
    waiting = [record for record in locked if _needs_routing(record, cause)]
    situation = Situation(actor, waiting)
    # Safety first: urgent work chooses before the room is gone, then what is due soonest.
    waiting.sort(key=_urgency)
    return [_decide(actor, situation, record, cause, displaced) for record in waiting]


def decision_of(task_id: str) -> RoutingDecision | None:
    """Return the last decision of a task; ``sentence`` says why in one sentence."""
    return db.session.execute(
        select(RoutingDecision)
        .where(RoutingDecision.task_id == task_id)
        .order_by(RoutingDecision.id.desc())
        .limit(1)
    ).scalar_one_or_none()


def decisions_of(task_id: str) -> list[RoutingDecision]:
    """Return every decision of a task, oldest first."""
    found = db.session.execute(
        select(RoutingDecision)
        .where(RoutingDecision.task_id == task_id)
        .order_by(RoutingDecision.id)
    )
    return list(found.scalars())


def why_not(task_id: str, practitioner: str) -> str:
    """Tell a member of staff why the last decision of a task did not choose them."""
    found = decision_of(task_id)
    if found is None or not found.inputs:
        return "This task was not routed by the rules."
    return rules.why_not(rules.from_json(found.inputs), practitioner)


def _needs_routing(locked: Record, cause: str) -> bool:
    task = locked.resource
    status = task_content.status(task)
    if cause in _MOVES_ANYBODY:
        return task_content.is_open(task)
    # Somebody claimed it meanwhile: their choice stands.
    taken = task_content.owner(task).startswith("Practitioner/")
    return status in _WAITING and (status is TaskStatus.REJECTED or not taken)


def _urgency(record: Record) -> tuple[bool, str, str]:
    task = record.resource
    due = task_content.due_at(task)
    return (not task_content.is_urgent(task), due.isoformat() if due else "9999", record.id)


def _decide(
    actor: Actor, situation: Situation, locked: Record, cause: str, displaced: str | None
) -> RoutingDecision:
    task = locked.resource
    before = task_content.owner(task)
    decision = situation.decide(locked.id, displaced=displaced)
    sentence = rules.explain(decision)
    if decision.owner != before or task_content.status(task) is not TaskStatus.REQUESTED:
        because = "routed" if cause in {"new", "waiting"} else cause
        tasks.give(actor, locked, to=decision.owner, cause=because, because=sentence)
    kept = RoutingDecision(
        id=new_id(),
        task_id=locked.id,
        task_version=locked.version,
        decided_at=clock.now(),
        owner=decision.owner,
        sentence=sentence,
        cause=cause,
        displaced=displaced,
        inputs=rules.to_json(decision),
    )
    db.session.add(kept)
    db.session.flush()
    if decision.level in {Level.DESK, Level.OUT_OF_HOURS}:
        _look_again(actor, locked.id, decision)
    if decision.tell_lead:
        _tell_lead(situation, decision, locked, sentence)
    return kept


def _look_again(actor: Actor, task_id: str, decision: Decision) -> None:
    """Route again when the next person of the team comes on shift: the desk bridges, not keeps."""
    team = decision.inputs.task.team
    if team == decision.owner:
        return
    starts = db.session.execute(
        select(func.min(func.lower(Shift.during))).where(
            func.lower(Shift.during) > decision.inputs.now, Shift.team == team
        )
    ).scalar_one_or_none()
    if starts is not None:
        tasks.ask_for_routing(actor, task_id, cause="waiting", due_at=starts)


def _tell_lead(situation: Situation, decision: Decision, locked: Record, sentence: str) -> None:
    code = decision.inputs.task.team.removeprefix("CareTeam/")
    team = situation.definition.teams.get(code)
    if team is None:
        return
    notices.tell(
        [f"Practitioner/{team.lead}"],
        kind="TaskWidened",
        subject=locked.reference,
        line=sentence,
        key=f"{locked.reference}/_history/{locked.version}/widened",
        urgent=decision.inputs.task.is_urgent,
    )
