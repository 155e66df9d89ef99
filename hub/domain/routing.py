"""Which person gets a task: filters, score, widening. Pure, explained, stored and replayable.

Source: the care model, section 5; the design, decision 6. A decision never leaves a task without
an owner: when no person fits, a desk (a team that is always there) takes it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from hub.domain import calendars, snapshot
from hub.domain.calendars import Calendar
from hub.domain.rota import Absence, Rota, Shift
from hub.domain.routing_facts import (
    Bar,
    Candidate,
    Decision,
    Exclusion,
    Inputs,
    Level,
    Priority,
    RoutingPolicy,
    RoutingTask,
    Score,
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
    "RoutingPolicy",
    "RoutingTask",
    "Score",
    "decide",
    "explain",
    "from_json",
    "opening_for",
    "replay",
    "to_json",
    "what_if_off",
    "why_not",
    "works_from",
]


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


def replay(stored: Mapping[str, object]) -> Decision:
    """Decide again from the inputs of a stored decision (``to_json``)."""
    inputs = snapshot.thaw(Inputs, stored["inputs"])
    return decide(
        inputs.task, inputs.candidates, inputs.rota, inputs.calendar, inputs.policy, inputs.now
    )


def what_if_off(decision: Decision, staff: str) -> Decision:
    """Decide again as if one person were away."""
    inputs = decision.inputs
    away = Absence(staff=staff, starts_at=inputs.now, ends_at=None, reason="what if")
    rota = replace(inputs.rota, absences=(*inputs.rota.absences, away))
    return decide(inputs.task, inputs.candidates, rota, inputs.calendar, inputs.policy, inputs.now)


def to_json(decision: Decision) -> dict[str, object]:
    """Return the decision as JSON."""
    stored: dict[str, object] = snapshot.freeze(decision)
    return stored


def from_json(stored: Mapping[str, object]) -> Decision:
    """Return a stored decision as it was made, without deciding again."""
    return snapshot.thaw(Decision, stored)


def _decide(inputs: Inputs, start: datetime) -> Decision:
    task = inputs.task
    if start > inputs.now and task.is_urgent:
        return _to_desk(
            inputs, start, Level.OUT_OF_HOURS if task.out_of_hours_desk else Level.DESK, ()
        )
    shifts: dict[str, list[Shift]] = {}
    for shift in inputs.rota.shifts:
        shifts.setdefault(shift.staff, []).append(shift)
    absences: dict[str, list[Absence]] = {}
    for away in inputs.rota.absences:
        absences.setdefault(away.staff, []).append(away)

    exclusions: list[Exclusion] = []
    for team in (task.team, *task.neighbours):
        fitting: list[tuple[Score, Candidate, Shift]] = []
        for candidate in inputs.candidates:
            if candidate.team != team:
                continue
            worked, absence = _shift_of(
                shifts.get(candidate.staff, ()), absences.get(candidate.staff, ()), start
            )
            bar = _bar(inputs, candidate, worked, absence)
            if bar is not None or worked is None:
                bar = bar or Bar.OFF_SHIFT
                words = bar_words(
                    bar,
                    task,
                    candidate,
                    absence=absence,
                    minutes_per_visit=inputs.policy.minutes_per_visit,
                )
                exclusions.append(Exclusion(candidate.staff, bar, words))
                continue
            fitting.append((_score(inputs, candidate, worked), candidate, worked))
        if fitting:
            fitting.sort(key=lambda each: (-each[0].total, each[0].staff))
            score, chosen, worked = fitting[0]
            level = Level.TEAM if team == task.team else Level.NEIGHBOUR
            return Decision(
                owner=chosen.staff,
                level=level,
                reasons=reasons_for_person(inputs, level, chosen, worked, score),
                tell_lead=level is not Level.TEAM,
                works_from=max(start, worked.starts_at),
                exclusions=tuple(exclusions),
                scores=tuple(each[0] for each in fitting),
                inputs=inputs,
            )
    return _to_desk(inputs, start, Level.DESK, tuple(exclusions))


def _to_desk(
    inputs: Inputs, start: datetime, level: Level, exclusions: tuple[Exclusion, ...]
) -> Decision:
    task = inputs.task
    owner = task.out_of_hours_desk if level is Level.OUT_OF_HOURS else None
    at_once = task.is_urgent and start > inputs.now
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


def _shift_of(
    shifts: Iterable[Shift], absences: Iterable[Absence], start: datetime
) -> tuple[Shift | None, Absence | None]:
    """Return the first shift that the person really works, else why they do not."""
    away = None
    for shift in sorted(shifts, key=lambda shift: (shift.starts_at, shift.ends_at, shift.team)):
        begins = max(shift.starts_at, start)
        away = next(
            (
                absence
                for absence in absences
                if absence.starts_at <= begins
                and (absence.ends_at is None or begins < absence.ends_at)
            ),
            None,
        )
        if away is None:
            return shift, None
    return None, away


def _bar(
    inputs: Inputs, candidate: Candidate, shift: Shift | None, absence: Absence | None
) -> Bar | None:
    task = inputs.task
    if candidate.staff in task.refused_by:
        return Bar.REFUSED
    if task.roles and candidate.role not in task.roles:
        return Bar.ROLE
    if not task.skills <= candidate.skills:
        return Bar.SKILLS
    if shift is None:
        return Bar.ABSENT if absence is not None else Bar.OFF_SHIFT
    if not candidate.may_see:
        return Bar.NO_RELATIONSHIP
    if candidate.conflict is not None:
        return Bar.CONFLICT
    room = candidate.capacity_minutes - candidate.load_minutes
    if task.is_urgent:
        room += inputs.policy.urgent_overrun_minutes
    if task.minutes > room:
        return Bar.NO_CAPACITY
    return None


def _score(inputs: Inputs, candidate: Candidate, shift: Shift) -> Score:
    """Return whole points, so that a replay on another machine adds up to the same."""
    task, policy, now = inputs.task, inputs.policy, inputs.now
    today = calendars.local(inputs.calendar, now).date()
    room = max(candidate.capacity_minutes - candidate.load_minutes - task.minutes, 0)
    fresh = max(policy.fair_share_minutes - candidate.recent_minutes, 0)
    points = {
        "same_worker": policy.same_worker if _recent(policy, candidate.last_saw, today) else 0,
        "same_team": policy.same_team
        if _recent(policy, candidate.team_saw or candidate.last_saw, today)
        else 0,
        "place": policy.place if task.place and task.place in candidate.areas else 0,
        "load": policy.load * room // max(candidate.capacity_minutes, 1),
        "urgency": policy.urgency * _urgency_fit(task, candidate, shift, now) // 100,
        "language": policy.language
        if task.language and task.language in candidate.languages
        else 0,
        "gender": policy.gender if task.gender and task.gender == candidate.gender else 0,
        "fairness": policy.fairness * fresh // max(policy.fair_share_minutes, 1),
    }
    return Score(
        staff=candidate.staff,
        total=sum(points.values()),
        parts={part: value for part, value in points.items() if value},
    )


def _urgency_fit(task: RoutingTask, candidate: Candidate, shift: Shift, now: datetime) -> int:
    """Return 0 to 100: the shift lasts to the deadline, and no other urgent work waits."""
    begins = max(now, shift.starts_at)
    wanted = timedelta(minutes=task.minutes)
    if task.due_at is not None:
        wanted = max(min(task.due_at - begins, timedelta(hours=4)), wanted)
    lasts = max(shift.ends_at - begins, timedelta(0))
    covers = 100 if lasts >= wanted else int(lasts * 100 / wanted)
    if not task.is_urgent:
        return covers
    return (covers + 100 // (1 + candidate.open_urgent)) // 2


def _recent(policy: RoutingPolicy, seen: date | None, today: date) -> bool:
    return seen is not None and (today - seen).days <= policy.continuity_days
