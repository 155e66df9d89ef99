"""Routing a task to a person: gather what the pure decision needs, decide, keep the decision."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from fhir.outcomes import NotFoundError
from hub import clock, records
from hub.db import db, fetch
from hub.domain import routing as rules
from hub.domain import routing_record
from hub.domain.actor import Actor
from hub.domain.routing import Decision, Level
from hub.domain.task_states import TaskStatus
from hub.models.decision import RoutingDecision
from hub.models.shift import Shift
from hub.queries import routing_pieces
from hub.records.ids import new_id
from hub.records.record import Record
from hub.services import notices, task_content, tasks
from hub.services.notices import Told
from hub.services.situation import Situation

_WAITING = frozenset({TaskStatus.REQUESTED, TaskStatus.RECEIVED, TaskStatus.REJECTED})
_MOVES_ANYBODY = frozenset({"absence", "breach", "conflict"})
"""Causes that take work from a person who has accepted it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A Task that asks for an owner."""

    task_id: str
    cause: str = "new"
    displaced: str | None = None
    """Who lost it by ``cause`` (declined, breach, absence): they do not get it back."""


def route(
    actor: Actor, task_id: str, *, cause: str = "new", displaced: str | None = None
) -> RoutingDecision | None:
    """Give a task to the right person on shift; None when there is nothing to route any more."""
    made = route_all(actor, [Wanted(task_id, cause, displaced)])
    return made[0] if made else None


def route_many(
    actor: Actor, task_ids: Collection[str], *, cause: str, displaced: str | None = None
) -> list[RoutingDecision]:
    """Route many tasks for one cause in the open transaction."""
    return route_all(actor, [Wanted(task_id, cause, displaced) for task_id in set(task_ids)])


def route_all(actor: Actor, wanted: Sequence[Wanted]) -> list[RoutingDecision]:
    """Route tasks in the open transaction, each decision seeing the ones before it.

    Each task once. The number of statements does not grow with the number of tasks.
    """
    asked = {each.task_id: each for each in wanted}
    if len(asked) != len(wanted):
        raise ValueError("a task is routed once in one batch")
    held = records.lock_many(actor, "Task", asked)
    missing = sorted(asked.keys() - held.keys())
    if missing:
        raise NotFoundError(f"Task/{missing[0]} is not here")
    waiting = [each for each in held.values() if _needs_routing(each, asked[each.id].cause)]
    if not waiting:
        return []
    situation = Situation(actor, waiting)
    # Safety first: urgent work chooses before the room is gone, then what is due soonest.
    waiting.sort(key=_urgency)
    made = [
        _Made(each, asked[each.id], situation.decide(each.id, displaced=asked[each.id].displaced))
        for each in waiting
    ]
    tasks.give_many(actor, [each.given() for each in made if each.moves])
    kept = _keep(situation, made)
    _look_again(actor, made)
    _tell_leads(situation, made)
    return kept


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


def recall(kept: RoutingDecision) -> Decision | None:
    """Return a kept decision with all that it looked at; None where no rule made it."""
    if not kept.inputs:
        return None
    return routing_record.unpack(kept.inputs, routing_pieces.of([kept.inputs]))


def why_not(task_id: str, practitioner: str) -> str:
    """Tell a member of staff why the last decision of a task did not choose them."""
    found = decision_of(task_id)
    decision = recall(found) if found else None
    if decision is None:
        return "This task was not routed by the rules."
    return rules.why_not(decision, practitioner)


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


@dataclass(frozen=True, slots=True)
class _Made:
    """A decision with the Task that it is about."""

    held: Record
    wanted: Wanted
    decision: Decision

    @property
    def moves(self) -> bool:
        """Whether the Task must be written: another owner, or a status that asks nobody."""
        task = self.held.resource
        return (
            self.decision.owner != task_content.owner(task)
            or task_content.status(task) is not TaskStatus.REQUESTED
        )

    def given(self) -> tasks.Given:
        cause = self.wanted.cause
        return tasks.Given(
            held=self.held,
            to=self.decision.owner,
            cause="routed" if cause in {"new", "waiting"} else cause,
            because=rules.explain(self.decision),
        )


def _keep(situation: Situation, made: Sequence[_Made]) -> list[RoutingDecision]:
    """Keep the decisions, and once each piece of their inputs that was not kept before."""
    packed = [routing_record.pack(each.decision, situation.memo) for each in made]
    _keep_pieces({digest: text for each in packed for digest, text in each.pieces.items()})
    kept = [
        RoutingDecision(
            id=new_id(),
            task_id=each.held.id,
            task_version=each.held.version,
            decided_at=situation.now,
            owner=each.decision.owner,
            sentence=rules.explain(each.decision),
            cause=each.wanted.cause,
            displaced=each.wanted.displaced,
            inputs=record.stored,
        )
        for each, record in zip(made, packed, strict=True)
    ]
    db.session.add_all(kept)
    db.session.flush()
    return kept


def _keep_pieces(pieces: Mapping[str, str]) -> None:
    new = sorted(pieces.keys() - routing_pieces.there(pieces))
    if new:
        fetch(
            "INSERT INTO routing_piece (digest, content, kept_at)"
            " SELECT d, c::json, %s::timestamptz FROM unnest(%s::text[], %s::text[]) AS u(d, c)"
            " ON CONFLICT DO NOTHING",
            (clock.now(), new, [pieces[digest] for digest in new]),
        )


def _look_again(actor: Actor, made: Sequence[_Made]) -> None:
    """Route again when the next person of the team comes on shift: the desk bridges, not keeps."""
    bridged = [
        each
        for each in made
        if each.decision.level in {Level.DESK, Level.OUT_OF_HOURS}
        and each.decision.inputs.task.team != each.decision.owner
    ]
    if not bridged:
        return
    rows = db.session.execute(
        select(Shift.team, func.min(func.lower(Shift.during)))
        .where(
            func.lower(Shift.during) > bridged[0].decision.inputs.now,
            Shift.team.in_({each.decision.inputs.task.team for each in bridged}),
        )
        .group_by(Shift.team)
    )
    starts = {row[0]: row[1] for row in rows}
    records.outbox.emit_many(
        tasks.awaiting(actor, each.held.id, cause="waiting", due_at=at)
        for each in bridged
        if (at := starts.get(each.decision.inputs.task.team)) is not None
    )


def _tell_leads(situation: Situation, made: Sequence[_Made]) -> None:
    notices.tell_many(
        Told(
            recipient=f"Practitioner/{team.lead}",
            kind="TaskWidened",
            subject=each.held.reference,
            line=rules.explain(each.decision),
            key=f"{each.held.reference}/_history/{each.held.version}/widened",
            urgent=each.decision.inputs.task.is_urgent,
        )
        for each in made
        if each.decision.tell_lead
        and (
            team := situation.definition.teams.get(
                each.decision.inputs.task.team.removeprefix("CareTeam/")
            )
        )
    )
