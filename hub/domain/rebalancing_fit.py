"""Who may have a task of a plan, by the filters and the points of routing.

Room is left out of both: how full a day is depends on all the other tasks of the answer, so the
rules of ``hub.domain.rebalancing`` count it for all of them at once.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from hub.domain import routing, routing_clock, routing_fit
from hub.domain.rebalancing import Option
from hub.domain.rota import WORK, Rota, Shift, absence_at, attended
from hub.domain.routing import Candidate, Inputs

_USUAL_SHIFT = timedelta(hours=8)


def options(inputs: Inputs, owner: str, ahead: Rota) -> tuple[Option, ...]:
    """Return who may have the task: its owner first, then everybody whom no filter bars.

    ``inputs.rota`` has the shifts that count now, ``ahead`` those of the days after as well: they
    say when an owner who is not at work begins. Nothing urgent moves while the service is closed.
    """
    start, _ = routing.opening_for(inputs.calendar, inputs.now)
    stays = _staying(inputs, owner, ahead)
    if start > inputs.now and inputs.task.is_urgent:
        return (stays,)
    found = [
        option
        for each in inputs.candidates
        if each.staff != owner and (option := _going(inputs, each, start)) is not None
    ]
    return (stays, *sorted(found, key=lambda option: option.owner))


def works(inputs: Inputs, staff: str) -> Shift | None:
    """Return the shift in which somebody can be given work: now, or at the next opening."""
    start, _ = routing.opening_for(inputs.calendar, inputs.now)
    shifts = [each for each in inputs.rota.shifts if each.staff == staff and each.kind == WORK]
    away = [each for each in inputs.rota.absences if each.staff == staff]
    return routing_fit.shift_of(shifts, away, start)[0]


def begins_at(ahead: Rota, staff: str, now: datetime) -> datetime | None:
    """Return when somebody is at work next, ``now`` if they are; None: not in these days."""
    away = [each for each in ahead.absences if each.staff == staff]
    pieces = [
        max(start, now)
        for shift in ahead.shifts
        if shift.staff == staff and shift.kind == WORK
        for start, end, there in attended(shift, away)
        if there and end > now
    ]
    return min(pieces, default=None)


def is_waiting(inputs: Inputs, owner: str, ahead: Rota) -> bool:
    """Tell whether nobody works on it: a pool has it, or somebody who is away."""
    return owner.startswith("CareTeam/") or absence_at(ahead, owner, inputs.now) is not None


def _going(inputs: Inputs, candidate: Candidate, start: datetime) -> Option | None:
    shift = works(inputs, candidate.staff)
    empty = replace(candidate, load_minutes=0, load_points=0)
    if shift is None or routing_fit.bar_of(inputs, empty, shift, None) is not None:
        return None
    if routing_clock.comes_too_late(inputs.task, candidate, shift, inputs.policy, inputs.now):
        return None
    return _option(inputs, candidate, shift, late=_late(inputs, max(shift.starts_at, start)))


def _staying(inputs: Inputs, owner: str, ahead: Rota) -> Option:
    candidate = next((each for each in inputs.candidates if each.staff == owner), None)
    if owner.startswith("CareTeam/"):
        return Option(owner)
    late = _late(inputs, begins_at(ahead, owner, inputs.now))
    if candidate is None:
        return Option(owner, late=late)
    shift = works(inputs, owner)
    if shift is not None and not late and not _is_past(inputs):
        # Their own urgent work was counted with this task in it.
        own = inputs.task.minutes + inputs.policy.road_minutes if inputs.task.is_urgent else 0
        before = replace(candidate, ahead_minutes=max(candidate.ahead_minutes - own, 0))
        late = routing_clock.comes_too_late(inputs.task, before, shift, inputs.policy, inputs.now)
    usual = Shift(owner, candidate.team, inputs.now, inputs.now + _USUAL_SHIFT)
    return _option(inputs, candidate, shift or usual, late=late)


def _late(inputs: Inputs, begins: datetime | None) -> bool:
    """Tell whether it is due before somebody begins. What is past its time is late with anybody."""
    due = inputs.task.due_at
    if due is None or _is_past(inputs):
        return False
    return begins is not None and begins > due


def _is_past(inputs: Inputs) -> bool:
    return inputs.task.due_at is not None and inputs.task.due_at < inputs.now


def _option(inputs: Inputs, candidate: Candidate, shift: Shift, *, late: bool) -> Option:
    score = routing_fit.score_of(inputs, candidate, shift)
    parts = tuple((name, points) for name, points in score.parts.items() if name != "load")
    return Option(candidate.staff, sum(points for _, points in parts), parts, late=late)
