"""Referrals with everything that chance decides about them, before anybody routes them.

Two policies meet the same people, the same lengths of visits, the same closed doors.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from hub.domain import calendars, clocks
from hub.domain.clocks import ClockKind
from hub.domain.definition import HubDefinition, Service
from hub.samples.simulation.demand import Arrival, Person, Span, arrivals
from hub.samples.simulation.staffing import Staffing, absences_of, shifts_of
from hub.samples.simulation.world import World

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Case:
    """One referral that was accepted: the work that it asks for, and what will come of it."""

    number: int
    at: datetime
    """When it was received (UTC)."""
    day: date
    """The local day of that."""
    ready: datetime
    """When triage accepted it: now it wants an owner."""
    due: datetime
    person: Person
    service: Service
    urgent: bool
    minutes: int
    """Size as the hub knows it."""
    visits: tuple[int, ...]
    """Minutes of each attempt: the last one does it, those before met a closed door."""
    declined: bool
    """The first person who is offered it declines."""
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Weeks:
    """A span with its people and its staff: what every policy of a seed has in common."""

    world: World
    definition: HubDefinition
    span: Span
    seed: int
    cases: tuple[Case, ...]
    staffing: Staffing


def weeks(world: World, definition: HubDefinition, span: Span, seed: int) -> Weeks:
    """Draw a span for a seed."""
    end = span.last + timedelta(days=world.drain_days)
    shifts = shifts_of(definition, span.first, end)
    staffing = Staffing(shifts, absences_of(world, definition, shifts, span.first, seed))
    random = Random(f"cases {seed} {span.first} {span.days}")  # noqa: S311 - a simulation
    came = arrivals(world, definition, span, seed)
    accepted = triaged(world, definition, came, staffing)
    cases = tuple(_case(world, definition, each, accepted[each.number], random) for each in came)
    return Weeks(world, definition, span, seed, cases, staffing)


def triaged(
    world: World, definition: HubDefinition, came: Sequence[Arrival], staffing: Staffing
) -> dict[int, datetime]:
    """Return when triage accepts each: urgent first, by whoever of the front door is at work.

    While the front door is closed the out-of-hours desk triages what is urgent.
    """
    spor = definition.spor
    calendar = definition.calendars[spor.calendar]
    takes = timedelta(minutes=world.triage_minutes)
    free = {
        f"Practitioner/{person.username}": datetime.min.replace(tzinfo=came[0].at.tzinfo)
        for team in (spor.team, spor.out_of_hours_desk)
        for person in definition.members(team)
    } if came else {}  # fmt: skip
    waiting: list[tuple[bool, datetime, int]] = []
    accepted: dict[int, datetime] = {}
    upcoming = list(reversed(came))
    now = came[0].at if came else None
    while now is not None and (waiting or upcoming):
        while upcoming and upcoming[-1].at <= now:
            each = upcoming.pop()
            heapq.heappush(waiting, (not each.urgent, each.at, each.number))
        is_open = calendars.is_open(calendar, now)
        team = f"CareTeam/{spor.team if is_open else spor.out_of_hours_desk}"
        for staff in sorted(free):
            if not waiting or (not is_open and waiting[0][0]):
                break
            shift = staffing.shift_of(staff, now)
            if free[staff] <= now and shift is not None and shift.team == team:
                accepted[heapq.heappop(waiting)[2]] = free[staff] = now + takes
        now = min(
            [at for at in free.values() if at > now]
            + [each.at for each in upcoming[-1:]]
            + [calendars.next_open(calendar, now) if not is_open else now + timedelta(minutes=5)]
        )
    return accepted


def _case(
    world: World, definition: HubDefinition, came: Arrival, ready: datetime, random: Random
) -> Case:
    service = definition.services[came.service]
    rule = definition.clocks[service.clock_for("urgent" if came.urgent else "routine")]
    # A crisis is answered in so many hours from the referral, not from the triage of it.
    started = came.at if rule.kind is ClockKind.ELAPSED else ready
    lowest, highest, likely = world.spread
    visits = [max(5, round(service.minutes * random.triangular(lowest, highest, likely)))]
    if random.random() < world.nobody_home:
        visits.insert(0, world.nobody_home_minutes)
    declined = random.random() < world.declined
    withdrawn = random.random() < world.withdrawn
    after = random.uniform(0.2, 3)
    return Case(
        number=came.number,
        at=came.at,
        day=came.day,
        ready=ready,
        due=clocks.due_at(rule, started, definition.calendars[service.calendar]),
        person=came.person,
        service=service,
        urgent=came.urgent,
        minutes=service.minutes,
        visits=tuple(visits),
        declined=declined,
        withdrawn_at=ready + _DAY * after if withdrawn and not came.urgent else None,
    )
