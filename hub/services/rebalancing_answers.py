"""Answering the lines of a plan: each in its own transaction, and only while it is still true.

The Task is locked first, its line after. A task that has moved on since the plan was made is left
alone, and so is one whose new owner is barred by now: the line lapses and says why. A line whose
new owner has room only once another line is accepted waits for that one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from fhir.outcomes import NotFoundError
from hub import clock, records
from hub.db import db
from hub.domain import rebalancing_fit, routing_clock, routing_fit
from hub.domain.actor import Actor
from hub.domain.errors import StateError
from hub.domain.routing import Bar, Inputs
from hub.domain.routing_words import bar_words
from hub.models.rebalancing import RebalancingMove, RebalancingPlan
from hub.queries import rebalancing as query
from hub.services import task_content, tasks
from hub.services.rebalancing import HUB, check_may
from hub.services.situation import Situation
from hub.transaction import transaction

CAUSE = "rebalanced"

_ROOM = frozenset({Bar.NO_CAPACITY, Bar.NO_POINTS})


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one line."""

    move_id: str
    state: str
    """``accepted``, ``refused``, ``lapsed``, or ``offered`` where it waits for another line."""
    note: str = ""


def accept_many(
    actor: Actor, plan_id: str, move_ids: Sequence[str], *, team: str | None = None
) -> list[Answered]:
    """Accept lines, each in its own transaction; those that waited are tried again after others.

    Raises NotPermittedError, NotFoundError (also where it is not the plan of ``team``, if one is
    given), or StateError when the plan no longer stands.
    """
    if team is not None and _plan(actor, plan_id).team != team:
        raise NotFoundError("this team has no such plan")
    left, done = list(dict.fromkeys(move_ids)), {}
    while left:
        for move_id in left:
            with transaction():
                done[move_id] = accept(actor, plan_id, move_id)
        waiting = [each for each in left if done[each].state == "offered"]
        if len(waiting) == len(left):
            break
        left = waiting
    return list(done.values())


def accept(actor: Actor, plan_id: str, move_id: str) -> Answered:
    """Let one line happen, if the task is as the plan saw it and its new owner may have it."""
    plan = _plan(actor, plan_id)
    task_id = _line(plan, move_id).task_id
    record = records.lock(HUB, "Task", task_id)
    _stands(plan)
    line = _line(plan, move_id, locked=True)
    if line.state != "offered":
        return Answered(line.id, line.state, line.note)
    task = record.resource
    if record.version != line.task_version:
        return _lapse(line, "the task has changed since the plan was made")
    if not task_content.is_open(task) or task_content.owner(task) != line.owner:
        return _lapse(line, "the task is no longer with who had it")
    bar, words = _bar(Situation(HUB, [record]).among(task_id, plan.team), line.to)
    if bar in _ROOM:
        line.note = f"waits: {words}"
        db.session.flush()
        return Answered(line.id, line.state, line.note)
    if bar is not None:
        return _lapse(line, words)
    tasks.assign(
        HUB,
        task_id,
        to=line.to,
        because=f"{line.why}. Accepted by {actor.display}",
        version=line.task_version,
        cause=CAUSE,
    )
    records.audit.record(
        actor, "rebalancing-accepted", f"Task/{task_id}", {"plan": plan.id, "to": line.to}
    )
    return _answer(actor, line, "accepted")


def refuse(actor: Actor, plan_id: str, move_ids: Sequence[str]) -> list[Answered]:
    """Say no to lines: the tasks stay where they are."""
    plan = _plan(actor, plan_id)
    _stands(plan)
    found = []
    for move_id in sorted(set(move_ids)):
        line = _line(plan, move_id, locked=True)
        if line.state == "offered":
            found.append(_answer(actor, line, "refused"))
        else:
            found.append(Answered(line.id, line.state, line.note))
    return found


def is_over(plan: RebalancingPlan) -> bool:
    """Tell whether nothing of a plan can be accepted any more."""
    return plan.replaced_at is not None or clock.now() >= plan.expires_at


def counts(lines: Sequence[Answered]) -> Counter[str]:
    """Return how many lines ended in each state."""
    return Counter(each.state for each in lines)


def _plan(actor: Actor, plan_id: str) -> RebalancingPlan:
    plan = db.session.get(RebalancingPlan, plan_id, populate_existing=True)
    if plan is None:
        raise NotFoundError("there is no such plan")
    check_may(actor, plan.team)
    return plan


def _stands(plan: RebalancingPlan) -> None:
    """Hold the plan: a newer one waits until this answer is written, or this one hears of it."""
    standing = query.standing(plan.team, locked=True)
    if standing is None or standing.id != plan.id:
        raise StateError("a newer plan was made: answer that one", field="plan")
    if is_over(standing):
        raise StateError("the day of this plan is over: propose a new one", field="plan")


def _line(plan: RebalancingPlan, move_id: str, *, locked: bool = False) -> RebalancingMove:
    asked = select(RebalancingMove).where(
        RebalancingMove.id == move_id, RebalancingMove.plan_id == plan.id
    )
    if locked:
        asked = asked.with_for_update().execution_options(populate_existing=True)
    line = db.session.execute(asked).scalar_one_or_none()
    if line is None:
        raise NotFoundError("this plan has no such line")
    return line


def _bar(inputs: Inputs, to: str) -> tuple[Bar | None, str]:
    """Return what keeps somebody from the task now, and the words for it."""
    candidate = next((each for each in inputs.candidates if each.staff == to), None)
    if candidate is None:
        return Bar.ROLE, "who would get it has left the team"
    shift = rebalancing_fit.works(inputs, to)
    away = next((each for each in inputs.rota.absences if each.staff == to), None)
    # Its clock does not excuse it from the room of the day: so the plan was made.
    by_room = replace(inputs, policy=replace(inputs.policy, by_clock=False))
    bar = routing_fit.bar_of(by_room, candidate, shift, away)
    if (
        bar is None
        and shift is not None
        and routing_clock.comes_too_late(inputs.task, candidate, shift, inputs.policy, inputs.now)
    ):
        bar = Bar.TOO_LATE
    if bar is None:
        return None, ""
    minutes = inputs.policy.minutes_per_visit
    return bar, f"{candidate.name}: " + bar_words(
        bar, inputs.task, candidate, absence=away, minutes_per_visit=minutes
    )


def _lapse(line: RebalancingMove, note: str) -> Answered:
    line.state, line.note, line.answered_at = "lapsed", note, clock.now()
    db.session.flush()
    return Answered(line.id, line.state, note)


def _answer(actor: Actor, line: RebalancingMove, state: str) -> Answered:
    line.state, line.note = state, ""
    line.answered_by, line.answered_at = actor.reference or actor.id, clock.now()
    db.session.flush()
    return Answered(line.id, state)
