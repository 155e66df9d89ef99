"""Which person gets a task: filters, score, widening. Pure, explained, stored and replayable.

Source: the care model, section 5; the design, decision 6. A decision never leaves a task without
an owner: when no person fits, a desk (a team that is always there) takes it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from hub.domain import calendars, routing_clock, routing_fit
from hub.domain.calendars import Calendar
from hub.domain.errors import RuleError
from hub.domain.rota import ON_CALL, Absence, Rota, Shift
from hub.domain.routing_facts import (
    Bar,
    Candidate,
    Decision,
    Exclusion,
    Inputs,
    Level,
    Priority,
    Reach,
    RoutingPolicy,
    RoutingTask,
    Score,
    WideningStep,
)
from hub.domain.routing_words import (
    bar_words,
    explain,
    reasons_for_desk,
    reasons_for_person,
    why_not,
)

__all__ = [
    "Bar",
    "Candidate",
    "Decision",
    "Exclusion",
    "Inputs",
    "Level",
    "Priority",
    "Reach",
    "RoutingPolicy",
    "RoutingTask",
    "Score",
    "WideningStep",
    "again",
    "decide",
    "explain",
    "opening_for",
    "what_if_off",
    "what_if_on",
    "why_not",
    "works_from",
]

_Fit = tuple[Score, Candidate, Shift, Level]

_USUAL_SHIFT = timedelta(hours=8)


def decide(  # noqa: PLR0917 - the signature of the design, decision 6
    task: RoutingTask,
    candidates: Iterable[Candidate],
    rota: Rota,
    calendar: Calendar,
    policy: RoutingPolicy,
    now: datetime,
) -> Decision:
    """Return who owns the task, with every reason. Ties go to the smaller staff id."""
    teams = (task.team, *task.neighbours)
    start, end = opening_for(calendar, now)
    first, last = (calendars.local(calendar, at).date() for at in (now, start))
    asked = tuple(
        sorted(
            {candidate for candidate in candidates if candidate.team in teams},
            key=lambda each: (teams.index(each.team), each.staff, each.load_minutes, each.role),
        )
    )
    inputs = Inputs(
        task=task,
        candidates=asked,
        rota=rota.of({candidate.staff for candidate in asked}).between(start, end),
        # Only the days between now and the opening can change the answer.
        calendar=replace(
            calendar,
            bank_holidays=frozenset(day for day in calendar.bank_holidays if first <= day <= last),
        ),
        policy=policy,
        now=now,
    )
    return _decide(inputs, start)


def works_from(calendar: Calendar, now: datetime) -> datetime:
    """Return when somebody must be on shift: now, or when the service opens next."""
    return calendars.next_open(calendar, now)


def opening_for(calendar: Calendar, now: datetime) -> tuple[datetime, datetime]:
    """Return the span whose shifts count: load the rota for it.

    Open now: this very instant. Closed: the whole next opening, because routine work that comes
    in at night belongs to whoever starts in the morning, at eight or at half past.
    """
    start = calendars.next_open(calendar, now)
    if start <= now:
        return start, start
    return start, calendars.open_until(calendar, start) or start


def again(inputs: Inputs) -> Decision:
    """Decide again from the inputs of a decision: the same inputs give the same answer."""
    return decide(
        inputs.task, inputs.candidates, inputs.rota, inputs.calendar, inputs.policy, inputs.now
    )


def what_if_off(decision: Decision, staff: str) -> Decision:
    """Decide again as if one person were away."""
    inputs = decision.inputs
    away = Absence(staff=staff, starts_at=inputs.now, ends_at=None, reason="what if")
    rota = replace(inputs.rota, absences=(*inputs.rota.absences, away))
    return again(replace(inputs, rota=rota))


def what_if_on(decision: Decision, staff: str) -> Decision:
    """Decide again as if one person were at work.

    Only of those who were asked: of anybody else the decision knows nothing. Raises RuleError.
    """
    inputs = decision.inputs
    person = next((each for each in inputs.candidates if each.staff == staff), None)
    if person is None:
        raise RuleError(
            f"{staff} was not among those who were asked",
            field="if-on",
            allowed=sorted({each.staff for each in inputs.candidates}),
        )
    start, end = opening_for(inputs.calendar, inputs.now)
    ends = max(end, start + _USUAL_SHIFT)
    rota = replace(
        inputs.rota,
        shifts=(*inputs.rota.shifts, Shift(staff, person.team, start, ends, person.role)),
        absences=tuple(each for each in inputs.rota.absences if each.staff != staff),
    )
    return again(replace(inputs, rota=rota))


def _decide(inputs: Inputs, start: datetime) -> Decision:
    task = inputs.task
    if start > inputs.now and task.is_urgent:
        return _to_desk(
            inputs, start, Level.OUT_OF_HOURS if task.out_of_hours_desk else Level.DESK, {}
        )
    search = _Search(inputs, start)
    for step in inputs.policy.widening:
        if step.only_urgent and not task.is_urgent:
            continue
        if step.to is Reach.DESK:
            break
        found = search.ask(step.to)
        if found is not None:
            return found
    if (found := search.least_late()) is not None:
        return found
    return _to_desk(inputs, start, Level.DESK, search.exclusions)


class _Search:
    """One search through the steps of the widening; remembers whom it could not take, and why."""

    def __init__(self, inputs: Inputs, start: datetime) -> None:
        self._inputs = inputs
        self._start = start
        self._shifts: dict[tuple[str, bool], list[Shift]] = {}
        self._absences: dict[str, list[Absence]] = {}
        for shift in inputs.rota.shifts:
            self._shifts.setdefault((shift.staff, shift.kind == ON_CALL), []).append(shift)
        for away in inputs.rota.absences:
            self._absences.setdefault(away.staff, []).append(away)
        self.exclusions: dict[tuple[str, str], Exclusion] = {}
        self._late: list[_Fit] = []

    def ask(self, reach: Reach) -> Decision | None:
        """Ask one step: team by team, the best of the first team that has somebody."""
        task = self._inputs.task
        teams = {
            Reach.TEAM: (task.team,),
            Reach.NEIGHBOURS: task.neighbours,
            Reach.ON_CALL: (task.team, *task.neighbours),
        }[reach]
        for team in teams:
            level = Level.TEAM if team == task.team else Level.NEIGHBOUR
            found = self._best(team, Level.ON_CALL if reach is Reach.ON_CALL else level)
            if found is not None:
                return found
        return None

    def _best(self, team: str, level: Level) -> Decision | None:
        inputs, on_call = self._inputs, level is Level.ON_CALL
        fitting: list[_Fit] = []
        for candidate in inputs.candidates:
            if candidate.team != team:
                continue
            planned = self._shifts.get((candidate.staff, on_call), ())
            if on_call and not planned:
                # What was said of them at work stands: nobody calls them.
                continue
            absences = self._absences.get(candidate.staff, ())
            worked, absence = routing_fit.shift_of(planned, absences, self._start)
            if not on_call and worked is None and (candidate.staff, True) in self._shifts:
                self.exclusions[candidate.staff, team] = Exclusion(
                    candidate.staff, Bar.OFF_SHIFT, "on call, and somebody is at work"
                )
                continue
            bar = routing_fit.bar_of(inputs, candidate, worked, absence)
            if bar is not None or worked is None:
                self._exclude(candidate, bar or Bar.OFF_SHIFT, absence)
                continue
            fit = (routing_fit.score_of(inputs, candidate, worked), candidate, worked, level)
            if routing_clock.comes_too_late(
                inputs.task, candidate, worked, inputs.policy, inputs.now
            ):
                self._exclude(candidate, Bar.TOO_LATE, None)
                self._late.append(fit)
                continue
            self.exclusions.pop((candidate.staff, team), None)
            fitting.append(fit)
        return self._first_of(fitting) if fitting else None

    def least_late(self) -> Decision | None:
        """Return who has the least urgent work before it, when nobody can begin in time."""
        everyone = [candidate for _, candidate, _, _ in self._late]
        fitting: list[_Fit] = []
        for score, candidate, worked, level in self._late:
            self.exclusions.pop((candidate.staff, candidate.team), None)
            points = routing_clock.least_late(candidate, everyone)
            parts = {**score.parts, "least_late": points}
            raised = Score(score.staff, score.total + points, parts)
            fitting.append((raised, candidate, worked, level))
        return self._first_of(fitting) if fitting else None

    def _first_of(self, fitting: list[_Fit]) -> Decision:
        fitting.sort(key=lambda each: (-each[0].total, each[0].staff))
        score, chosen, worked, level = fitting[0]
        return Decision(
            owner=chosen.staff,
            level=level,
            reasons=reasons_for_person(self._inputs, level, chosen, worked, score),
            tell_lead=level is not Level.TEAM
            or "least_late" in score.parts
            or bool(chosen.unreachable),
            works_from=max(self._start, worked.starts_at),
            exclusions=tuple(self.exclusions.values()),
            scores=tuple(each[0] for each in fitting),
            inputs=self._inputs,
        )

    def _exclude(self, candidate: Candidate, bar: Bar, absence: Absence | None) -> None:
        words = bar_words(
            bar,
            self._inputs.task,
            candidate,
            absence=absence,
            minutes_per_visit=self._inputs.policy.minutes_per_visit,
        )
        self.exclusions[candidate.staff, candidate.team] = Exclusion(candidate.staff, bar, words)


def _to_desk(
    inputs: Inputs,
    start: datetime,
    level: Level,
    excluded: Mapping[tuple[str, str], Exclusion],
) -> Decision:
    task = inputs.task
    owner = task.out_of_hours_desk if level is Level.OUT_OF_HOURS else None
    at_once = task.is_urgent and start > inputs.now
    exclusions = tuple(excluded.values())
    return Decision(
        owner=owner or task.desk,
        level=level,
        reasons=("urgent while the service is closed",)
        if at_once
        else reasons_for_desk(inputs, exclusions),
        tell_lead=True,
        works_from=inputs.now if at_once else start,
        exclusions=exclusions,
        scores=(),
        inputs=inputs,
    )
