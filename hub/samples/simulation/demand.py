"""Who is referred when and for what: arrivals by weekday and hour, the same for a seed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from hub.domain.calendars import zone
from hub.domain.definition import HubDefinition
from hub.samples.needs import needs
from hub.samples.simulation.world import World

_DAY_HOURS = range(8, 20)
"""Local hours in which anything is referred; at night only what cannot wait."""


@dataclass(frozen=True, slots=True)
class Span:
    """The days that are played."""

    first: date
    days: int

    @property
    def last(self) -> date:
        return self.first + timedelta(days=self.days - 1)

    @property
    def surge_days(self) -> frozenset[date]:
        """A quarter of the days from the middle on: two weeks in, a week long, of four weeks."""
        start, length = self.days // 2, max(1, self.days // 4)
        return frozenset(self.first + timedelta(days=start + n) for n in range(length))

    @property
    def stress_day(self) -> date:
        return self.first + timedelta(days=self.days * 2 // 7)

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=number) for number in range(self.days))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is referred, perhaps more than once."""

    number: int
    area: str
    language: str | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One referral reaching the hub."""

    number: int
    at: datetime
    """UTC, to the minute."""
    day: date
    """The local day."""
    person: Person
    service: str
    urgent: bool
    need: Mapping[str, Any]
    """The entry of ``needs.yaml``: words, code, source."""


def expected(world: World, definition: HubDefinition, span: Span, day: date) -> dict[int, float]:
    """Return the mean number of arrivals of each local hour that the day has."""
    weekday = 6 if day in definition.bank_holidays else day.weekday()
    total = world.working_day * world.weekdays[weekday]
    if day in span.surge_days:
        total *= world.surge
    weights = sum(world.hours.values())
    hours = {hour: total * weight / weights for hour, weight in world.hours.items()}
    if day == span.stress_day:
        usual = world.working_day * world.hours[world.stress_hour] / weights
        hours[world.stress_hour] = usual * world.stress
    return hours


def arrivals(world: World, definition: HubDefinition, span: Span, seed: int) -> tuple[Arrival, ...]:
    """Return every referral of the span, in the order in which they arrive."""
    random = Random(f"demand {seed} {span.first} {span.days}")  # noqa: S311 - a simulation
    moments = sorted(
        (moment, day)
        for day in span
        for hour, mean in expected(world, definition, span, day).items()
        for moment in _within(definition, day, hour, _poisson(mean, random), random)
    )
    before: list[tuple[Person, str]] = []
    found = []
    for number, (moment, day) in enumerate(moments, 1):
        person, service, need, urgent = _who(world, definition, moment, before, random)
        before.append((person, service))
        found.append(Arrival(number, moment, day, person, service, urgent, need))
    return tuple(found)


def _within(
    definition: HubDefinition, day: date, hour: int, count: int, random: Random
) -> Iterator[datetime]:
    """Yield moments of one local hour. An hour that the clock change skips has none of its own."""
    here = zone(definition.time_zone)
    for _ in range(count):
        local = datetime.combine(day, time(hour, random.randrange(60)), here)
        yield local.astimezone(UTC)


def _who(
    world: World,
    definition: HubDefinition,
    moment: datetime,
    before: Sequence[tuple[Person, str]],
    random: Random,
) -> tuple[Person, str, Mapping[str, Any], bool]:
    listed = needs()["needs"]
    hour = moment.astimezone(zone(definition.time_zone)).hour
    by_night = hour not in _DAY_HOURS
    known = random.choice(before) if before and random.random() < world.returning else None
    need = random.choices(listed, [each["weight"] for each in listed])[0]
    if by_night:
        need = listed[0]
    elif known is not None and random.random() < world.same_service:
        need = next((each for each in listed if each["service"] == known[1]), need)
    if known is not None:
        person = known[0]
    else:
        person = Person(len(before) + 1, _area(definition, need["service"], random),
                        _language(world, random))  # fmt: skip
    service = _serving(definition, need["service"], person.area)
    return person, service, need, by_night or random.random() < need.get("urgent", 0)


def _area(definition: HubDefinition, service: str, random: Random) -> str:
    served = definition.services[service].areas or tuple(definition.areas)
    return random.choices(served, [definition.areas[code].population for code in served])[0]


def _language(world: World, random: Random) -> str | None:
    return random.choice(world.languages) if random.random() < world.language else None


def _serving(definition: HubDefinition, service: str, area: str) -> str:
    """Return the service, or the one of the same kind that goes to this area."""
    wanted = definition.services[service]
    if not wanted.areas or area in wanted.areas:
        return service
    return next(
        (
            each.code
            for each in definition.services.values()
            if area in each.areas and each.roles == wanted.roles
        ),
        service,
    )


def _poisson(mean: float, random: Random) -> int:
    """Return a draw of the Poisson distribution (Knuth; the means of an hour are small)."""
    count, room = 0, random.expovariate(1)
    while room < mean:
        count += 1
        room += random.expovariate(1)
    return count
