"""Weeks at a real hub, written before they are played: the same arrivals and staff as in process.

``hub.samples.simulation`` draws who is referred when and who is at work; this adds what a message
needs (names, numbers, words) and what triage and the person do about each referral.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from uuid import UUID

from hub.domain.calendars import zone
from hub.domain.definition import HubDefinition
from hub.samples.day_script import DOOR, SHARES, Fate, Referral, Referred
from hub.samples.needs import needs
from hub.samples.people import nhs_numbers
from hub.samples.simulation.cases import triaged
from hub.samples.simulation.demand import Arrival, Person, Span, arrivals
from hub.samples.simulation.staffing import Staffing, absences_of, shifts_of
from hub.samples.simulation.world import World

STEP = timedelta(minutes=15)
"""Everything happens on the quarter of an hour: what happens at once is done at once."""

_AFTER = timedelta(days=2)
"""The weeks are played on for so long after the last referral."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What becomes of the work of a referral that was accepted."""

    lasts: timedelta
    """Travel included, in whole steps."""
    nobody_home: bool
    """The first attempt meets a closed door."""


@dataclass(frozen=True, slots=True)
class MonthScript:
    """The weeks."""

    span: Span
    starts: datetime
    ends: datetime
    referrals: tuple[Referral, ...]
    visits: Mapping[int, Visit]
    staffing: Staffing

    def on_shift(self, username: str, at: datetime) -> bool:
        return self.staffing.shift_of(f"Practitioner/{username}", at) is not None

    def at_work(self, team: str, at: datetime) -> list[str]:
        """Return who works a shift for a team, in a stable order."""
        return sorted(
            each.staff.removeprefix("Practitioner/")
            for each in self.staffing.shifts_at(at)
            if each.team == f"CareTeam/{team}"
        )


def write(world: World, definition: HubDefinition, span: Span, seed: int) -> MonthScript:
    """Write the weeks."""
    random = Random(f"month {seed} {span.first} {span.days}")  # noqa: S311 - a simulation
    here = zone(definition.time_zone)
    ends = datetime.combine(span.last + _AFTER, time(6), here)
    shifts = shifts_of(definition, span.first, ends.date())
    staffing = Staffing(shifts, absences_of(world, definition, shifts, span.first, seed))
    came = arrivals(world, definition, span, seed)
    accepted = triaged(world, definition, came, staffing)
    numbers = nhs_numbers(700_000 + seed % 100 * 2_000)
    people: dict[Person, Referred] = {}
    referrals, visits = [], {}
    fates = _fates(len(came), random)
    for each, fate in zip(came, fates, strict=True):
        if each.person not in people:
            number = next(numbers) if random.random() < 0.8 else None
            people[each.person] = _referred(definition, each.person, number, span.first, random)
        referrals.append(
            _referral(each, _fit(fate, each), people[each.person], accepted[each.number], random)
        )
        visits[each.number] = _visit(world, definition, each, random)
    return MonthScript(
        span=span,
        starts=datetime.combine(span.first, time(0), here).astimezone(UTC),
        ends=ends.astimezone(UTC),
        referrals=tuple(referrals),
        visits=visits,
        staffing=staffing,
    )


def _fates(count: int, random: Random) -> list[Fate]:
    fates, shares = [*SHARES, Fate.ACCEPT], [*SHARES.values()]
    return random.choices(fates, [*shares, 1 - sum(shares)], k=count)


def _fit(fate: Fate, arrival: Arrival) -> Fate:
    """Nobody sends a pregnancy, or withdraws, what cannot wait."""
    return Fate.ACCEPT if arrival.urgent and fate in {*DOOR, Fate.WITHDRAWN} else fate


def _referral(
    arrival: Arrival, fate: Fate, person: Referred, triage: datetime, random: Random
) -> Referral:
    need: Mapping[str, Any] = arrival.need
    service: str | None = arrival.service
    elsewhere = {Fate.CANCER: "cancer", Fate.MATERNITY: "maternity", Fate.REDIRECTED: "hospital"}
    if fate in elsewhere:
        need = needs()["elsewhere"][elsewhere[fate]]
        service = need["service"]
    at = _rounded_up(arrival.at)
    return Referral(
        number=arrival.number,
        at=at,
        person=person,
        fate=fate,
        source=need["source"],
        service=service,
        take_on=arrival.service,
        priority="urgent" if arrival.urgent else "routine",
        code=need["code"],
        words=need["words"],
        alert=random.choice((None,) * 12 + ("SG", "SS")),
        triage_at=max(at, _rounded_up(triage)),
        work_after=STEP,
        done_after=STEP,
        message_id=str(UUID(int=random.getrandbits(128), version=4)),
        request_id=str(UUID(int=random.getrandbits(128), version=4)),
    )


def _visit(world: World, definition: HubDefinition, arrival: Arrival, random: Random) -> Visit:
    lowest, highest, likely = world.spread
    minutes = definition.services[arrival.service].minutes
    lasts = minutes * random.triangular(lowest, highest, likely) + world.within
    steps = max(1, round(lasts / (STEP.total_seconds() / 60)))
    return Visit(lasts=steps * STEP, nobody_home=random.random() < world.nobody_home)


def _referred(
    definition: HubDefinition, person: Person, nhs_number: str | None, day: date, random: Random
) -> Referred:
    gender = random.choice(("female", "male"))
    given: Sequence[str] = (
        ("Edith", "Maud", "Ivy", "Agnes", "Hilda")
        if gender == "female"
        else ("Wilfred", "Cyril", "Percy", "Stanley")
    )
    outward = random.choice(definition.areas[person.area].postcodes)
    return Referred(
        nhs_number=nhs_number,
        given=random.choice(given),
        family=random.choice(("Skillet", "Tapper", "Yarrow", "Quince", "Fennimore", "Larkin")),
        gender=gender,
        birth_date=day - timedelta(days=random.randint(66, 96) * 365 + random.randint(20, 340)),
        street=f"{random.randint(1, 90)} Eelgrass Way",
        town="Southend-on-Sea",
        postcode=f"{outward} {random.randint(1, 4)}{random.choice('ABDE')}Q",
        phone=f"01632 960{random.randint(0, 999):03d}",
        carer=random.choice((None, None, None, "Rose Skillet")),
    )


def _rounded_up(moment: datetime) -> datetime:
    over = timedelta(
        minutes=moment.minute % 15, seconds=moment.second, microseconds=moment.microsecond
    )
    return moment if not over else moment - over + STEP
