"""Whether one candidate may have a task, and how well they fit: the filters and the score.

Source: the care model, section 5. A filter bars, the score only orders: no number of points ever
brings back somebody whom a filter has barred.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from hub.domain import calendars, routing_clock
from hub.domain.rota import Absence, Shift
from hub.domain.routing_facts import Bar, Candidate, Inputs, RoutingPolicy, RoutingTask, Score
from hub.domain.routing_words import travel_minutes


def shift_of(
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


def bar_of(
    inputs: Inputs, candidate: Candidate, shift: Shift | None, absence: Absence | None
) -> Bar | None:
    """Return the first filter that keeps a candidate from the task, None where all let them by."""
    task = inputs.task
    if candidate.staff in task.refused_by:
        return Bar.REFUSED
    if task.roles and candidate.role not in task.roles:
        return Bar.ROLE
    if not task.skills <= candidate.skills:
        return Bar.SKILLS
    if shift is None:
        return Bar.ABSENT if absence is not None else Bar.OFF_SHIFT
    if shift.service and task.service and shift.service != task.service:
        return Bar.OTHER_SERVICE
    if not candidate.may_see:
        return Bar.NO_RELATIONSHIP
    if candidate.conflict is not None:
        return Bar.CONFLICT
    return _bar_of_person(task, candidate, areas_of(candidate, shift)) or _bar_of_room(
        inputs, candidate
    )


def areas_of(candidate: Candidate, shift: Shift) -> frozenset[str]:
    """Return where somebody goes in this shift: the shift's own areas come before theirs."""
    return frozenset(shift.areas) or candidate.areas


def _bar_of_person(task: RoutingTask, candidate: Candidate, areas: frozenset[str]) -> Bar | None:
    # Who has no areas of their own goes everywhere.
    if task.only_in_area and task.place and areas and task.place not in areas:
        return Bar.PLACE
    if task.gender_only and task.gender and candidate.gender != task.gender:
        return Bar.GENDER
    if task.language_only and task.language and task.language not in candidate.languages:
        return Bar.LANGUAGE
    return None


def _bar_of_room(inputs: Inputs, candidate: Candidate) -> Bar | None:
    task, policy = inputs.task, inputs.policy
    if routing_clock.goes_by_clock(task, policy):
        return None
    room = candidate.capacity_minutes - candidate.load_minutes
    if task.is_urgent:
        room += policy.urgent_overrun_minutes
    if task.minutes > room:
        return Bar.NO_CAPACITY
    if candidate.capacity_points is not None and task.points:
        left = candidate.capacity_points - candidate.load_points
        if task.is_urgent:
            left += policy.urgent_overrun_points
        if task.points > left:
            return Bar.NO_POINTS
    return None


def score_of(inputs: Inputs, candidate: Candidate, shift: Shift) -> Score:
    """Return whole points, so that a replay on another machine adds up to the same."""
    task, policy, now = inputs.task, inputs.policy, inputs.now
    today = calendars.local(inputs.calendar, now).date()
    room = max(candidate.capacity_minutes - candidate.load_minutes - task.minutes, 0)
    fresh = max(policy.fair_share_minutes - candidate.recent_minutes, 0)
    areas = areas_of(candidate, shift)
    points = {
        "same_worker": policy.same_worker if _recent(policy, candidate.last_saw, today) else 0,
        "same_team": policy.same_team
        if _recent(policy, candidate.team_saw or candidate.last_saw, today)
        else 0,
        "place": policy.place if task.place and task.place in areas else 0,
        "travel": _near(policy, task, areas),
        "care_home_round": policy.care_home_round
        if task.care_home and task.care_home in candidate.rounds
        else 0,
        "load": policy.load * room // max(candidate.capacity_minutes, 1),
        "urgency": policy.urgency * _urgency_fit(task, candidate, shift, now) // 100,
        "language": policy.language
        if task.language and task.language in candidate.languages
        else 0,
        "gender": policy.gender if task.gender and task.gender == candidate.gender else 0,
        "fairness": policy.fairness * fresh // max(policy.fair_share_minutes, 1),
        "unreachable": -policy.unreachable if candidate.unreachable else 0,
    }
    return Score(
        staff=candidate.staff,
        total=sum(points.values()),
        parts={part: value for part, value in points.items() if value},
    )


def _near(policy: RoutingPolicy, task: RoutingTask, areas: frozenset[str]) -> int:
    if not policy.travel or not task.travel:
        return 0
    minutes = travel_minutes(task, areas)
    if minutes is None:
        return 0
    limit = max(policy.travel_limit_minutes, 1)
    return policy.travel * max(limit - minutes, 0) // limit


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
