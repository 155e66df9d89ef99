"""Who could fill a hole: role, skill, not away, not at work, rested, and whose turn it is.

Rest: the Working Time Regulations 1998, regulation 10: at least eleven hours on end in each period
of 24 hours worked. https://www.legislation.gov.uk/uksi/1998/1833/regulation/10
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.domain.cover import Span, joined
from hub.domain.cover_needs import Need
from hub.domain.fairness import Tally
from hub.domain.rota import WORK, Absence, Rota, Shift
from hub.domain.staffing import StaffMember

REST = timedelta(hours=11)
LONGEST = timedelta(hours=24) - REST
"""Longer at a stretch, and eleven hours of the same 24 are not left."""

OFFERED = timedelta(hours=12)
"""A longer hole is offered piece by piece: nobody may take it whole."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one person stands to a hole."""

    staff: str
    name: str
    role: str
    own_team: bool
    """Of the team itself; False: of a neighbouring one."""
    bar: str | None
    """Why they cannot take it, in plain words; None: they could."""
    tally: Tally | None
    """Their last weeks, as far as they are known."""


def offered(starts_at: datetime, ends_at: datetime, now: datetime) -> Span:
    """Return the part of a hole that one person can be asked to take next."""
    start = max(starts_at, now)
    return start, min(ends_at, start + OFFERED)


def standings(
    need: Need,
    span: Span,
    people: Iterable[StaffMember],
    rota: Rota,
    tallies: Mapping[str, Tally],
) -> tuple[Standing, ...]:
    """Return everybody asked about: those who could take it first, by whose turn it is.

    ``people`` are of the need's team and its neighbours; ``rota`` reaches a day past the span on
    both sides, or the rest cannot be seen.
    """
    shifts: dict[str, list[Shift]] = {}
    for shift in rota.shifts:
        shifts.setdefault(shift.staff, []).append(shift)
    away: dict[str, list[Absence]] = {}
    for absence in rota.absences:
        away.setdefault(absence.staff, []).append(absence)
    found = []
    for person in people:
        staff = f"Practitioner/{person.username}"
        found.append(
            Standing(
                staff=staff,
                name=person.name,
                role=person.role,
                own_team=need.team.removeprefix("CareTeam/") in person.teams,
                bar=_bar(need, span, person, shifts.get(staff, []), away.get(staff, [])),
                tally=tallies.get(staff),
            )
        )
    return tuple(sorted(found, key=_turn))


def rest_fault(worked: Iterable[Span], span: Span) -> str | None:
    """Say why working ``span`` as well would break the rest of eleven hours; None: it would not.

    A shift that touches the span is one stint with it.
    """
    stints = joined((*worked, span))
    number = next(i for i, (start, end) in enumerate(stints) if start <= span[0] and span[1] <= end)
    start, end = stints[number]
    if end - start > LONGEST:
        return f"would work {_hours(end - start)} on end"
    if number and start - stints[number - 1][1] < REST:
        return f"would have {_hours(start - stints[number - 1][1])} of rest before it, not 11"
    if number + 1 < len(stints) and stints[number + 1][0] - end < REST:
        return f"would have {_hours(stints[number + 1][0] - end)} of rest after it, not 11"
    return None


def _bar(
    need: Need, span: Span, person: StaffMember, shifts: list[Shift], away: list[Absence]
) -> str | None:
    start, end = span
    if need.roles and person.role not in need.roles:
        return "has another role"
    if not need.skills <= set(person.skills):
        return "does not have the skill"
    for absence in away:
        if absence.starts_at < end and (absence.ends_at is None or start < absence.ends_at):
            return f"is away ({absence.reason})"
    if any(shift.starts_at < end and start < shift.ends_at for shift in shifts):
        return "is on the rota then"
    # Waiting at home to be called is no work until the call comes.
    return rest_fault(
        ((each.starts_at, each.ends_at) for each in shifts if each.kind == WORK), span
    )


def _turn(standing: Standing) -> tuple[bool, bool, float, int, str]:
    tally = standing.tally
    return (
        standing.bar is not None,
        not standing.own_team,
        tally.of_contract or 0.0 if tally else 0.0,
        tally.weekends + tally.nights + tally.bank_holidays if tally else 0,
        standing.name,
    )


def _hours(lasts: timedelta) -> str:
    hours = lasts / timedelta(hours=1)
    return f"{hours:.0f} hours" if hours == int(hours) else f"{hours:.1f} hours"
