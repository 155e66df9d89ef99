"""A candidate policy tried on last month's clocks, in process, before anybody activates it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import yaml
from sqlalchemy import or_, select

from hub import clock
from hub.db import db
from hub.domain import escalation_trial
from hub.domain.actor import Actor
from hub.domain.calendars import AROUND_THE_CLOCK, Calendar
from hub.domain.definition import HubDefinition
from hub.domain.escalation import EscalationPolicy
from hub.domain.escalation_trial import Change, Clock, Had, Ring, Tally
from hub.models.assignment import Assignment
from hub.models.clock import TaskClock
from hub.models.definition import DefinitionVersion
from hub.models.escalation import EscalationStep
from hub.models.outside_send import OutsideSend
from hub.services import clocks, definition_files, definitions, escalation_schedule
from hub.services.definition_files import DefinitionError
from hub.services.escalation_circle import Staffing

SECTION = "escalation_policies"

LONGEST_DAYS = 92
LARGEST = 100_000
"""Characters of a candidate: a hub's policies are a page."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a candidate would have meant, beside what is in force and what happened."""

    since: datetime
    until: datetime
    clocks: int
    """Clocks that ran in the time looked at."""
    changed: tuple[str, ...]
    """Codes of the policies that the candidate changes."""
    happened: Tally
    """What the hub recorded."""
    current: Tally
    """The policy of each clock, played the same way as the candidate."""
    candidate: Tally
    rings: tuple[Ring, ...]
    """All that the candidate would have told."""
    changes: tuple[Change, ...]
    """Line by line, candidate against current."""


def read(text: str) -> dict[str, EscalationPolicy]:
    """Read candidate policies: a YAML file as ``escalation.yaml`` of a definition, or a part of it.

    Raises:
        DefinitionError: it cannot be read, or a policy breaks a rule; each problem is a line.
    """
    return {each.code: each for each in _said(text)[1].values()}


def dry_run(candidate: Mapping[str, EscalationPolicy], *, days: int = 28) -> Trial:
    """Play a candidate over the clocks that ran in the last ``days`` days; writes nothing."""
    until = clock.now()
    since = until - timedelta(days=min(max(days, 1), LONGEST_DAYS))
    definition = definitions.current()
    found = _clocks(definition, since, until)
    staffing = Staffing(since - timedelta(days=1), until)

    def circle_at(owner: str, team: str | None, at: datetime) -> Any:
        return staffing.circle(definition, owner=owner, team=team, at=at)

    before: list[Ring] = []
    after: list[Ring] = []
    for each in found:
        now = _from(escalation_trial.play(each.policy, each, circle_at), since)
        proposed = candidate.get(each.policy.code)
        before += now
        after += (
            now
            if proposed is None or proposed == each.policy
            else _from(escalation_trial.play(proposed, each, circle_at), since)
        )
    return Trial(
        since=since,
        until=until,
        clocks=len(found),
        changed=tuple(
            sorted(
                code
                for code, policy in candidate.items()
                if definition.escalation_policies.get(code) != policy
            )
        ),
        happened=escalation_trial.tally(_happened(since), definition.time_zone),
        current=escalation_trial.tally(before, definition.time_zone),
        candidate=escalation_trial.tally(after, definition.time_zone),
        rings=tuple(sorted(after, key=lambda ring: (ring.at, ring.task, ring.step))),
        changes=tuple(escalation_trial.changes(before, after)),
    )


def activate(actor: Actor, text: str) -> DefinitionVersion:
    """Make candidate policies those of the hub: a new version of the definition, active at once.

    Clocks that run keep the policy that was frozen when they started. A policy that services name
    and the candidate lacks stays as it is.
    """
    said, _ = _said(text)
    return definitions.revise(actor, SECTION, said)


def _said(text: str) -> tuple[list[dict[str, Any]], dict[str, EscalationPolicy]]:
    if len(text) > LARGEST:
        raise DefinitionError([f"candidate: has more than {LARGEST} characters"])
    try:
        content = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as fault:
        raise DefinitionError([f"candidate: cannot be read: {' '.join(str(fault).split())}"]) from (
            fault
        )
    if isinstance(content, dict):
        content = content.get(SECTION)
    if not isinstance(content, list) or not content:
        raise DefinitionError([f"candidate: {SECTION}: is a list of policies, as in a definition"])
    made: dict[str, EscalationPolicy] = definition_files.part(SECTION, content)
    return content, made


def _clocks(definition: HubDefinition, since: datetime, until: datetime) -> list[Clock]:
    rows = list(
        db.session.execute(
            select(TaskClock)
            .where(
                TaskClock.started_at < until,
                or_(TaskClock.stopped_at.is_(None), TaskClock.stopped_at > since),
            )
            .order_by(TaskClock.started_at, TaskClock.id)
        ).scalars()
    )
    tasks = {row.task_id for row in rows}
    had = _had(tasks)
    heard = _acknowledged([row.id for row in rows])
    return [
        Clock(
            task=row.task_id,
            policy=clocks.policy_of(row),
            moment_of=_remembering(clocks.moments_of(row)),
            ended=row.stopped_at or until,
            hours=_hours(definition, row, had.get(row.task_id, ())),
            had=had.get(row.task_id, ()),
            stood=tuple((each.starts_at, each.ends_at or until) for each in clocks.pauses_of(row)),
            acknowledged=tuple(heard.get(row.id, ())),
        )
        for row in rows
    ]


def _remembering(moment_of: Any) -> Any:
    known: dict[int, datetime] = {}

    def remembered(percent: int) -> datetime:
        if percent not in known:
            known[percent] = moment_of(percent)
        return known[percent]

    return remembered


def _had(tasks: Collection[str]) -> dict[str, tuple[Had, ...]]:
    found: dict[str, tuple[Had, ...]] = {}
    spells = db.session.execute(
        select(Assignment.task_id, Assignment.starts_at, Assignment.owner, Assignment.team)
        .where(Assignment.task_id.in_(list(tasks)))
        .order_by(Assignment.task_id, Assignment.starts_at, Assignment.id)
    )
    for task, starts, owner, team in spells:
        found[task] = (*found.get(task, ()), Had(starts, owner, team))
    return found


def _acknowledged(clock_ids: list[str]) -> dict[str, list[tuple[datetime, int]]]:
    found: dict[str, list[tuple[datetime, int]]] = {}
    rows = db.session.execute(
        select(EscalationStep.clock_id, EscalationStep.acknowledged_at, EscalationStep.level)
        .where(EscalationStep.clock_id.in_(clock_ids), EscalationStep.acknowledged_at.is_not(None))
        .order_by(EscalationStep.acknowledged_at)
    )
    for clock_id, at, level in rows:
        assert at is not None
        found.setdefault(clock_id, []).append((at, level))
    return found


def _hours(definition: HubDefinition, row: TaskClock, had: tuple[Had, ...]) -> Calendar:
    """Return the hours of a clock; one whose policy knew none has those of its team."""
    if "hours" in row.policy:
        return escalation_schedule.hours_of(row)
    teams = [each.team for each in had if each.team]
    team = definition.teams.get(teams[0].removeprefix("CareTeam/")) if teams else None
    basis = definition.calendars[team.calendar] if team else AROUND_THE_CLOCK
    return replace(
        basis,
        bank_holidays=definition.bank_holidays | basis.bank_holidays,
        time_zone=definition.time_zone,
    )


def _happened(since: datetime) -> list[Ring]:
    rows = db.session.execute(
        select(EscalationStep)
        .where(EscalationStep.taken_at >= since, EscalationStep.passed.is_(False))
        .order_by(EscalationStep.taken_at)
    ).scalars()
    sent = db.session.execute(
        select(OutsideSend.clock_id, OutsideSend.step).where(OutsideSend.created_at >= since)
    )
    outside = {(clock_id, step) for clock_id, step in sent}
    return [
        Ring(
            row.taken_at,
            row.task_id,
            "",
            row.action,
            row.repeat,
            tuple(row.told),
            (row.clock_id, row.step) in outside,
        )
        for row in rows
    ]


def _from(rings: list[Ring], since: datetime) -> list[Ring]:
    return [ring for ring in rings if ring.at >= since]
