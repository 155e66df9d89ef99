"""One day at the hub, written before it is played: who is referred when, and what becomes of it.

Everything follows from the seed, the date and the demand; nothing here talks to a hub.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from random import Random
from typing import Any
from uuid import UUID

from hub.domain.calendars import zone
from hub.domain.definition import HubDefinition
from hub.domain.rota import Shift
from hub.domain.rota_patterns import planned
from hub.samples.needs import needs
from hub.samples.people import SamplePerson, draw, nhs_numbers

STEP = timedelta(minutes=5)
"""Everything happens on the five minutes: fewer moves of the clock, the same order for a seed."""


class Fate(StrEnum):
    """What the day has in store for a referral."""

    ACCEPT = "accept"
    RESENT = "resent"
    """Sent a second time with the same request id, then accepted."""
    GIVEN_BACK = "given-back"
    """Accepted; the first member of staff gives it back with a reason."""
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"
    REDIRECTED = "redirected"
    ASKED = "asked"
    CANCER = "cancer"
    """Answered at the door."""
    MATERNITY = "maternity"
    """Redirected at the door."""
    DIED = "died"
    """Accepted; the person dies in the afternoon."""


DOOR = frozenset({Fate.CANCER, Fate.MATERNITY})
SHARES: Mapping[Fate, float] = {
    Fate.RESENT: 0.05,
    Fate.GIVEN_BACK: 0.04,
    Fate.WITHDRAWN: 0.04,
    Fate.DECLINED: 0.035,
    Fate.REDIRECTED: 0.025,
    Fate.ASKED: 0.025,
    Fate.CANCER: 0.02,
    Fate.MATERNITY: 0.012,
}
"""Parts of the demand; everybody else is accepted."""


@dataclass(frozen=True, slots=True)
class Referred:
    """Who a referral is about, as the sender writes it."""

    nhs_number: str | None
    given: str
    family: str
    gender: str
    birth_date: date
    street: str
    town: str
    postcode: str
    phone: str
    carer: str | None = None


@dataclass(frozen=True, slots=True)
class Referral:
    """One referral: its message, and what people will do with it."""

    number: int
    at: datetime
    person: Referred
    fate: Fate
    source: str
    """Organisation that sends it."""
    service: str | None
    """Service asked for; None is "advise me"."""
    take_on: str
    """Service that triage accepts it for."""
    priority: str
    code: str
    words: str
    alert: str | None
    triage_at: datetime
    work_after: timedelta
    """From being given the work to accepting it."""
    done_after: timedelta
    """From accepting to completing."""
    message_id: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Script:
    """The day."""

    seed: int
    day: date
    starts: datetime
    ends: datetime
    referrals: tuple[Referral, ...]
    shifts: tuple[Shift, ...]
    away: tuple[str, ...]
    """Usernames who ring in sick at nine."""
    away_at: datetime
    edit_at: datetime
    edited: SamplePerson
    """Whose plan two people edit at the same time."""
    death_at: datetime
    died: SamplePerson

    def on_shift(self, username: str, at: datetime) -> bool:
        """Tell whether somebody is at work, those who rang in sick left out."""
        staff = f"Practitioner/{username}"
        if username in self.away and at >= self.away_at:
            return False
        return any(
            each.staff == staff and each.starts_at <= at < each.ends_at for each in self.shifts
        )

    def at_work(self, team: str, at: datetime) -> list[str]:
        """Return who of a team is at work, in a stable order."""
        return sorted(
            {
                name
                for each in self.shifts
                if each.team == f"CareTeam/{team}"
                and self.on_shift(name := each.staff.removeprefix("Practitioner/"), at)
            }
        )


def write(definition: HubDefinition, *, seed: int, day: date, demand: int) -> Script:
    """Write the day."""
    random = Random(f"day {seed} {day} {demand}")  # noqa: S311 - a simulation, not a secret
    here = zone(definition.time_zone)

    def at(hour: int, minute: int = 0) -> datetime:
        return datetime.combine(day, time(hour, minute), here)

    people = draw(definition, day)
    shifts = tuple(planned(definition, day - timedelta(days=1), day + timedelta(days=1)))
    adults = [each for each in people if (day - each.birth_date).days > 18 * 366]
    died = next(each for each in adults if each.on_register and each.vacancy is None)
    edited = next(each for each in adults if each is not died and each.vacancy is None)
    known = [each for each in adults if each is not died]
    random.shuffle(known)
    numbers = nhs_numbers(500_000 + seed % 1000 * 400)
    fates = _fates(demand, random)
    times = _times(demand, at, random)
    referrals = []
    for number, (fate, moment) in enumerate(zip(fates, times, strict=True), 1):
        if fate is Fate.DIED:
            person = _known(died)
        elif fate is Fate.MATERNITY:
            person = _stranger(random, next(numbers), day, ages=(20, 38), gender="female")
        elif random.random() < 0.75 and known:
            person = _known(known.pop())
        else:
            nhs_number = next(numbers) if random.random() < 0.75 else None
            person = _stranger(random, nhs_number, day, ages=(66, 93))
        referrals.append(_referral(random, number, moment, fate, person))
    away = _away(shifts, at(9), random)
    return Script(
        seed=seed,
        day=day,
        starts=at(6),
        ends=at(22),
        referrals=tuple(referrals),
        shifts=shifts,
        away=away,
        away_at=at(9),
        edit_at=at(11),
        edited=edited,
        death_at=at(15),
        died=died,
    )


def _fates(demand: int, random: Random) -> list[Fate]:
    special = [fate for fate, share in SHARES.items() for _ in range(round(demand * share))]
    ordinary = [Fate.ACCEPT] * max(0, demand - len(special))
    fates = (special + ordinary)[:demand]
    random.shuffle(fates)
    if fates:
        # Somebody who is referred in the morning dies in the afternoon.
        first = next((n for n, fate in enumerate(fates) if fate is Fate.ACCEPT), None)
        if first is not None:
            fates[first] = Fate.DIED
    return fates


def _times(demand: int, at: Any, random: Random) -> list[datetime]:
    """Return when referrals arrive: mostly between nine and five, two outside the hours."""
    minutes = sorted(round(random.triangular(8 * 60, 19.5 * 60, 11.5 * 60)) for _ in range(demand))
    times = [_rounded(at(0) + timedelta(minutes=each)) for each in minutes]
    if demand >= 20:
        # The front door is closed: urgent ones go to the out-of-hours desk at once.
        times[0], times[-1] = at(6, 30), at(20, 40)
    return times


def _rounded(moment: datetime) -> datetime:
    return moment - timedelta(
        minutes=moment.minute % 5, seconds=moment.second, microseconds=moment.microsecond
    )


def _referral(random: Random, number: int, at: datetime, fate: Fate, person: Referred) -> Referral:
    need = _need(random, fate)
    outside = at.hour < 8 or at.hour >= 20
    if outside and fate not in DOOR:
        need = needs()["needs"][0]
    urgent = outside or random.random() < need.get("urgent", 0)
    slow = random.random() < 0.06
    wait = random.choice((5, 10, 15)) if urgent else random.choice((20, 35, 50, 80, 110))
    advise_me = fate is Fate.ACCEPT and not outside and random.random() < 0.06
    return Referral(
        number=number,
        at=at,
        person=person,
        fate=fate,
        source=need["source"],
        service=None if advise_me else need["service"],
        take_on=need["service"] or "reablement",
        priority="urgent" if urgent else "routine",
        code=need["code"],
        words=need["words"],
        alert=random.choice((None,) * 12 + ("SG", "SS")),
        triage_at=at + timedelta(minutes=wait + (30 if slow else 0)),
        work_after=STEP * random.randint(1, 6),
        done_after=STEP * (random.randint(6, 14) if urgent else random.randint(8, 40)),
        message_id=str(UUID(int=random.getrandbits(128), version=4)),
        request_id=str(UUID(int=random.getrandbits(128), version=4)),
    )


def _need(random: Random, fate: Fate) -> Mapping[str, Any]:
    said = needs()
    elsewhere: Mapping[str, Mapping[str, Any]] = said["elsewhere"]
    match fate:
        case Fate.CANCER:
            return elsewhere["cancer"]
        case Fate.MATERNITY:
            return elsewhere["maternity"]
        case Fate.REDIRECTED:
            return elsewhere["hospital"]
        case Fate.DIED:
            return next(each for each in said["needs"] if each["service"] == "palliative")
    listed: Sequence[Mapping[str, Any]] = said["needs"]
    return random.choices(listed, [each["weight"] for each in listed])[0]


def _known(person: SamplePerson) -> Referred:
    return Referred(
        nhs_number=person.nhs_number,
        given=person.given,
        family=person.family,
        gender=person.gender,
        birth_date=person.birth_date,
        street=person.street,
        town=person.town,
        postcode=person.postcode,
        phone=person.phone,
    )


def _stranger(
    random: Random,
    nhs_number: str | None,
    day: date,
    *,
    ages: tuple[int, int],
    gender: str | None = None,
) -> Referred:
    """Return somebody whom the hub does not know yet."""
    gender = gender or random.choice(("female", "male"))
    given = random.choice(
        ("Edith", "Maud", "Ivy", "Agnes") if gender == "female" else ("Wilfred", "Cyril", "Percy")
    )
    age = random.randint(*ages)
    return Referred(
        nhs_number=nhs_number,
        given=given,
        family=random.choice(("Skillet", "Tapper", "Yarrow", "Quince", "Fennimore", "Larkin")),
        gender=gender,
        birth_date=day - timedelta(days=age * 365 + random.randint(20, 340)),
        street=f"{random.randint(1, 90)} Eelgrass Way",
        town="Southend-on-Sea",
        postcode=f"SS{random.choice((1, 2, 9))} {random.randint(1, 4)}{random.choice('ABDE')}Q",
        phone=f"01632 960{random.randint(0, 999):03d}",
        carer=random.choice((None, None, "Rose Skillet")),
    )


def _away(shifts: Sequence[Shift], nine: datetime, random: Random) -> tuple[str, ...]:
    """Choose two who should be at work at nine and ring in sick, of teams that others staff."""
    at_nine = [each for each in shifts if each.starts_at <= nine < each.ends_at]
    by_team: dict[str, list[str]] = {}
    for each in at_nine:
        by_team.setdefault(each.team, []).append(each.staff.removeprefix("Practitioner/"))
    spare = {"CareTeam/spor", "CareTeam/out-of-hours-desk", "CareTeam/duty-desk"}
    staff = sorted(name for team, names in by_team.items() if team not in spare for name in names)
    return tuple(sorted(random.sample(staff, min(2, len(staff)))))
