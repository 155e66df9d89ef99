"""Whether somebody can begin urgent work before it is due: the room of a clock, not of a day.

Room in minutes of the day says nothing of a clock of two hours: who has three crises before them
has room, and would come too late. Where a hub's policy asks for it (``RoutingPolicy.by_clock``),
urgent work goes past a team of whom nobody can begin in time to a neighbour who can; when nobody
can at all, to whoever has the least before it. How it was tuned: docs/routing.md.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from hub.domain.rota import Shift
from hub.domain.routing_facts import Candidate, RoutingPolicy, RoutingTask

#: Points a minute for having less urgent work before it, when nobody can begin in time.
_POINTS_A_MINUTE = 10


def ahead_minutes(
    policy: RoutingPolicy, due_at: datetime | None, urgent: Iterable[tuple[datetime | None, int]]
) -> int:
    """Return the minutes that somebody's open urgent work takes before this begins.

    ``urgent`` are (due, minutes) of each; what is due later waits behind it. The road counts.
    """
    return sum(
        minutes + policy.road_minutes
        for due, minutes in urgent
        if due_at is None or (due is not None and due <= due_at)
    )


def goes_by_clock(task: RoutingTask, policy: RoutingPolicy) -> bool:
    """Tell whether this task is given by its clock and not by the room of the day."""
    return policy.by_clock and task.is_urgent


def comes_too_late(
    task: RoutingTask, candidate: Candidate, shift: Shift, policy: RoutingPolicy, now: datetime
) -> bool:
    """Tell whether somebody could not begin before it is due, or not end before going home."""
    if not goes_by_clock(task, policy):
        return False
    waits = timedelta(minutes=candidate.ahead_minutes + policy.reserve_minutes)
    begins = max(now, shift.starts_at) + waits
    home = shift.ends_at + timedelta(minutes=policy.urgent_overrun_minutes)
    late = task.due_at is not None and begins > task.due_at
    return late or begins + timedelta(minutes=task.minutes) > home


def least_late(candidate: Candidate, late: Iterable[Candidate]) -> int:
    """Return the points of one of those who all come too late: more for less before it."""
    most = max(each.ahead_minutes for each in late)
    return (most - candidate.ahead_minutes) * _POINTS_A_MINUTE
