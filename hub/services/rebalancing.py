"""Proposing a plan: the open work of a team shared out afresh by the exact solver.

Nothing moves here: a plan is offered, and a person answers each line
(``hub.services.rebalancing_answers``).
"""

import json
import zlib
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from hub import clock, records
from hub.adapters import solver
from hub.adapters.solver import Answer
from hub.db import db
from hub.domain import (
    calendars,
    cover_access,
    rebalancing,
    rebalancing_fit,
    rebalancing_plan,
    routing_clock,
    snapshot,
)
from hub.domain.actor import Actor, hub_actor
from hub.domain.definition import HubDefinition
from hub.domain.errors import NotPermittedError, RuleError
from hub.domain.rebalancing import Person, Problem, Work
from hub.domain.rota import Rota
from hub.domain.routing import Inputs
from hub.domain.task_states import TaskStatus
from hub.models.rebalancing import RebalancingMove, RebalancingPlan
from hub.queries import rebalancing as query
from hub.queries.rebalancing import OpenWork
from hub.records.ids import new_id
from hub.records.record import Record
from hub.services import definitions, rota, task_content
from hub.services.situation import Situation
from hub.transaction import transaction

HUB = hub_actor("rebalancing")
AHEAD = timedelta(hours=48)
"""How far ahead it is looked when an owner who is not at work begins."""

_BEGUN = frozenset({TaskStatus.ACCEPTED, TaskStatus.READY, TaskStatus.IN_PROGRESS})


@dataclass(frozen=True, slots=True)
class Question:
    """What a plan is made from, at one instant."""

    team: str
    """``CareTeam/<id>``"""
    at: datetime
    until: datetime
    """The end of the local day."""
    problem: Problem


def propose(actor: Actor, team: str) -> RebalancingPlan:
    """Make the plan of ``CareTeam/<id>`` as it stands now; it takes the place of the one before.

    In three steps, so that no transaction is open while the solver works. Raises NotPermittedError
    for who neither leads nor manages the team, RuleError for a team that is not there.
    """
    with transaction():
        check_may(actor, team)
        question = ask(team)
    answer = solver.solve(question.problem)
    with transaction():
        return keep(actor, question, answer)


def check_may(actor: Actor, team: str) -> None:
    """Refuse who may not share out the work of a team."""
    hub = definitions.current()
    if not cover_access.may_act(hub, actor, team):
        raise NotPermittedError("the work of a team is shared out by its lead and managers")
    if team.removeprefix("CareTeam/") not in hub.teams:
        raise RuleError("there is no such team", field="team", allowed=sorted(hub.teams))


def ask(team: str) -> Question:
    """Gather what a plan for ``CareTeam/<id>`` is made from, in a fixed number of statements."""
    hub, now = definitions.current(), clock.now()
    home = calendars.zone(hub.time_zone)
    midnight = now.astimezone(home).replace(hour=0, minute=0, second=0, microsecond=0)
    until = calendars.end_of_day(calendars.AROUND_THE_CLOCK, midnight.date())
    tomorrow = midnight + timedelta(days=1)
    listed = query.open_work(team, midnight, tomorrow)
    tasks = records.read_many(HUB, [f"Task/{each.task_id}" for each in listed])
    held = [tasks[name] for each in listed if (name := f"Task/{each.task_id}") in tasks]
    situation = Situation(HUB, held)
    ahead = rota.around(now, now + AHEAD)
    known = {each.task_id: each for each in listed}
    asked = {each.id: situation.among(each.id, team) for each in held}
    work = tuple(_work(each, known[each.id], asked[each.id], ahead) for each in held)
    people = _people(hub, team, situation, asked, work)
    policy = hub.routing
    problem = Problem(people, work, policy.urgent_overrun_minutes, policy.urgent_overrun_points)
    return Question(team, now, until, problem)


def keep(actor: Actor, question: Question, answer: Answer) -> RebalancingPlan:
    """Keep a plan with its lines, in the place of the one before."""
    problem = question.problem
    wrong = rebalancing.faults(problem, answer.owners)
    if wrong:
        raise AssertionError(f"the solver broke a rule: {wrong[0]}")
    db.session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"rebalancing/{question.team}"},
    )
    before = query.standing(question.team, locked=True)
    if before is not None:
        before.replaced_at = clock.now()
        for line in query.moves_of(before.id):
            if line.state == "offered":
                line.state, line.note = "lapsed", "a newer plan was made"
        db.session.flush()
    stays = tuple(each.owner for each in problem.work)
    plan = RebalancingPlan(
        id=new_id(),
        team=question.team,
        asked_by=actor.reference or actor.id,
        asked_at=question.at,
        expires_at=question.until,
        tasks=len(problem.work),
        cost=answer.cost,
        bound=answer.bound,
        proven=answer.proven,
        seconds=answer.seconds,
        before=asdict(rebalancing_plan.totals(problem, stays)),
        after=asdict(rebalancing_plan.totals(problem, answer.owners)),
        problem=zlib.compress(json.dumps(snapshot.freeze(problem)).encode()),
    )
    db.session.add(plan)
    db.session.flush()
    db.session.add_all(
        RebalancingMove(
            id=new_id(),
            plan_id=plan.id,
            place=place,
            task_id=move.work.task_id,
            task_version=move.work.version,
            owner=move.work.owner,
            to=move.to,
            why=move.why,
            gain=move.gain,
            due_at=move.work.due_at,
        )
        for place, move in enumerate(rebalancing_plan.moves(problem, answer.owners), 1)
    )
    records.audit.record(
        actor, "rebalancing-proposed", question.team, {"plan": plan.id, "tasks": plan.tasks}
    )
    db.session.flush()
    return plan


def proof(plan: RebalancingPlan) -> str:
    """Return in one sentence how good a plan is known to be."""
    if plan.proven:
        return "Nothing better exists: this is proven."
    return (
        f"The time was up after {plan.seconds:.0f} seconds: a plan that is better by up to"
        f" {plan.cost - plan.bound} points may exist."
    )


def problem_of(plan: RebalancingPlan) -> Problem:
    """Return what a kept plan was made from, to solve it again."""
    return snapshot.thaw(Problem, json.loads(zlib.decompress(plan.problem)))


def _work(record: Record, known: OpenWork, asked: Inputs, ahead: Rota) -> Work:
    task = record.resource
    owner = task_content.owner(task)
    return Work(
        task_id=record.id,
        version=record.version,
        options=rebalancing_fit.options(asked, owner, ahead),
        minutes=asked.task.minutes,
        points=asked.task.points,
        urgent=asked.task.is_urgent,
        by_clock=routing_clock.goes_by_clock(asked.task, asked.policy),
        begun=task_content.status(task) in _BEGUN,
        counted=known.counted,
        waiting=rebalancing_fit.is_waiting(asked, owner, ahead),
        due_at=asked.task.due_at,
    )


def _people(
    hub: HubDefinition,
    team: str,
    situation: Situation,
    asked: dict[str, Inputs],
    work: tuple[Work, ...],
) -> tuple[Person, ...]:
    """Return the team's members with the part of their day that the plan does not touch."""
    at_work = {
        candidate.staff
        for inputs in asked.values()
        for candidate in inputs.candidates
        if rebalancing_fit.works(inputs, candidate.staff) is not None
    }
    found = []
    for member in sorted(hub.members(team.removeprefix("CareTeam/")), key=lambda m: m.username):
        staff = f"Practitioner/{member.username}"
        load = situation.load_of(staff)
        mine = [each for each in work if each.owner == staff and each.counted]
        points = member.capacity_points
        found.append(
            Person(
                staff=staff,
                name=member.name,
                room_minutes=member.capacity_minutes,
                fixed_minutes=max(load.minutes - sum(each.minutes for each in mine), 0),
                room_points=hub.routing.capacity_points if points is None else points,
                fixed_points=max(load.points - sum(each.points for each in mine), 0),
                at_work=staff in at_work,
            )
        )
    return tuple(found)
