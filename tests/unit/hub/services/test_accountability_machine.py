"""Random lives over simulated time: exactly one answers in each role since the need began.

The machine offers, accepts, refuses, hands over, ends, sends people away, lets them leave, records
deaths, merges, register entries and birthdays, over a change of the clocks. After every step each
person who must have somebody has exactly one at each instant since then, in what the hub answers
and, once the sweep has run, in its rows.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete

from fhir.systems import EPISODE_TYPE
from hub import clock, records
from hub.db import db
from hub.domain.accountability import AccountableRole, Holding
from hub.domain.definition import HubDefinition
from hub.domain.errors import RuleError
from hub.domain.register import PlaceOfDeath
from hub.models.absence import Absence
from hub.models.accountability import AccountabilityOffer
from hub.models.departure import Departure, TimeBox
from hub.models.deputy import Deputy
from hub.queries import deputising, integrity
from hub.services import (
    accountability,
    accountability_need,
    accountability_offers,
    accountability_rows,
    leaving,
    merging,
    people,
    register,
    rota,
)
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.conftest import SET_UP
from tests.unit.hub.services.test_register import ENTRY

BEGIN = datetime(2026, 10, 23, 9, 0, tzinfo=UTC)
"""Two days before the clocks of England go back; they change within a week of 26 March too."""
HOME = ZoneInfo("Europe/London")
STAFF = ("priya-gp", "omar-nights", "jo-coordinator", "asha-nurse", "gareth-price")
BOTH = {AccountableRole.GP, AccountableRole.COORDINATOR}

who = st.sampled_from([f"Practitioner/{each}" for each in STAFF])
role = st.sampled_from(list(AccountableRole))
which = st.integers(0, 7)


happened: Counter[str] = Counter()
"""What was done and not refused, over all lives: a life in which nothing happens proves nothing."""


@contextmanager
def refused(what: str) -> Iterator[None]:
    """Do something that the rules may refuse: then nothing has happened."""
    try:
        with transaction():
            yield
        happened[what] += 1
    except RuleError:
        pass


class Lives(RuleBasedStateMachine):
    """What is known beside the hub: when each person's need of each role began."""

    def __init__(self, clockwork: Clockwork, hub: HubDefinition) -> None:
        super().__init__()
        self.clockwork, self.hub = clockwork, hub
        self.alive: dict[str, date] = {}
        self.made: dict[str, datetime] = {}
        self.need: dict[str, dict[AccountableRole, datetime]] = {}
        # Every life lies after the one before, and the clocks change in it: time never goes back.
        lived = happened["lives"]
        happened["lives"] += 1
        month, day = (3, 26) if lived % 2 else (10, 23)
        clockwork.set(BEGIN.replace(year=2026 + (lived + 1) // 2, month=month, day=day))

    # Time and people

    @initialize()
    def begin(self) -> None:
        for born_in in (1, -90, -200):
            self.arrive(born_in)
        self.clockwork.advance(minutes=1)
        for at in range(3):
            self.name(at, AccountableRole.COORDINATOR, f"Practitioner/{STAFF[at]}")

    @rule(born_in=st.integers(0, 3) | st.integers(-200, -1))
    def arrive(self, born_in: int) -> None:
        if len(self.alive) == 4:
            return
        today = clock.now().astimezone(HOME).date()
        born = (today + timedelta(days=born_in)).replace(year=today.year - 75)
        with transaction():
            made = patient(
                nhs_number="9990000018",
                practice=f"Organization/{self.hub.gp_hub}",
                birthDate=born.isoformat(),
            )
        self.alive[made.id], self.made[made.id] = born, clock.now()
        self.need[made.id] = {}

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        self.clockwork.advance(hours=hours, minutes=7)
        with transaction():
            for offer in db.session.query(AccountabilityOffer).filter_by(state="open"):
                happened["expired"] += accountability_offers.expire(offer.id)
            for box in db.session.query(TimeBox).filter_by(ended_at=None):
                leaving.end_time_box(box.id)
        self.look_before_the_sweep()

    @precondition(lambda self: self.alive)
    @rule(at=which)
    def die(self, at: int) -> None:
        person = self._person(at)
        self.clockwork.advance(minutes=1)
        with transaction():
            people.record_death(SET_UP, person, died_at=clock.now(), place=PlaceOfDeath.HOME)
        self.alive.pop(person)

    @precondition(lambda self: self.alive)
    @rule(at=which)
    def enter_register(self, at: int) -> None:
        person = self._person(at)
        with refused("register"):
            register.enter(SET_UP, person, ENTRY)
            for each in BOTH:
                self.need[person].setdefault(each, clock.now())

    @precondition(lambda self: self.alive)
    @rule(at=which)
    def enter_social_care(self, at: int) -> None:
        person = self._person(at)
        if AccountableRole.SOCIAL_WORKER in self.need[person]:
            return
        with transaction():
            self._episode({"reference": f"Patient/{person}"}, "social-care")
        self.need[person][AccountableRole.SOCIAL_WORKER] = clock.now()

    @precondition(lambda self: len(self.alive) > 1)
    @rule(at=which, into=which)
    def merge(self, at: int, into: int) -> None:
        source, target = self._person(at), self._person(into)
        if source == target:
            return
        self.clockwork.advance(minutes=1)
        self._note_birthdays()
        with refused("merge"):
            merging.merge(SET_UP, source, target)
            born = self.alive.pop(source)
            for each, since in self.need[source].items():
                if born and each in BOTH and since == self._birthday(source, born):
                    # The target's own birth date counts.
                    continue
                known = max(since, self.made[target])
                self.need[target][each] = min(self.need[target].get(each, known), known)

    # Who answers

    @precondition(lambda self: self.alive)
    @rule(at=which, role=role, who=who)
    def name(self, at: int, role: AccountableRole, who: str) -> None:
        with refused("name"):
            accountability.name(SET_UP, self._person(at), role=role, practitioner=who)

    @precondition(lambda self: self.alive)
    @rule(at=which, role=role)
    def end(self, at: int, role: AccountableRole) -> None:
        person = self._person(at)
        if role in accountability.current(SET_UP, person):
            with refused("end"):
                accountability.end(SET_UP, person, role=role)

    @precondition(lambda self: self.alive)
    @rule(role=role, to=who, hours=st.integers(1, 40))
    def offer(self, role: AccountableRole, to: str, hours: int) -> None:
        ends = clock.now() + timedelta(hours=hours)
        with refused("offer"):
            accountability_offers.offer(SET_UP, list(self.alive), role=role, to=to, expires_at=ends)

    @precondition(
        lambda self: db.session.query(AccountabilityOffer).filter_by(state="open").count() > 0
    )
    @rule(at=which, verb=st.sampled_from(["accept", "accept", "refuse", "withdraw"]))
    def answer(self, at: int, verb: str) -> None:
        waiting = db.session.query(AccountabilityOffer).filter_by(state="open").all()
        if waiting:
            with refused(verb):
                getattr(accountability_offers, verb)(SET_UP, waiting[at % len(waiting)].id)

    @precondition(lambda self: len(deputising.away(clock.now())) < 3)
    @rule(who=who, days=st.one_of(st.none(), st.integers(1, 40)))
    def be_away(self, who: str, days: int | None) -> None:
        now = clock.now()
        ends = now + timedelta(days=days) if days else None
        with refused("absence"):
            rota.report_absence(SET_UP, who, starts_at=now, ends_at=ends, reason="sickness")

    @precondition(lambda self: db.session.query(Departure).count() < 2)
    @rule(who=who | st.just("Practitioner/morgan-manager"), to=who, boxed=st.booleans())
    def leave(self, who: str, to: str, boxed: bool) -> None:
        held = leaving.unsettled(leaving.what_holds(who))
        left = db.session.get(Departure, who) is not None
        if held and not left:
            with pytest.raises(leaving.StillHoldsError), transaction():
                leaving.leave(SET_UP, who)
        until = clock.now() + timedelta(days=2)
        with refused("leave again" if left else "leave with work" if held else "leave"):
            definition = {leaving.Kind.LEAD, leaving.Kind.DUTY_MANAGER}
            for each in held:
                if boxed or each.kind in definition:
                    leaving.time_box(SET_UP, who, each.key, until=until, owner=to)
            rest = [
                each.key for each in leaving.unsettled(leaving.what_holds(who)) if not each.until
            ]
            leaving.rehome(SET_UP, who, rest, to=to)
            leaving.leave(SET_UP, who)

    # What always holds

    def look_before_the_sweep(self) -> None:
        """The hub answers at once, before anything has been written down."""
        self._note_birthdays()
        now = clock.now()
        for person in self.alive:
            answered = accountability.answers(SET_UP, person)
            roles = [each.role for each in answered]
            assert len(roles) == len(set(roles))
            assert set(self.need[person]) <= set(roles)
            for each in answered:
                assert each.since <= now

    def check_invariants(self, *more: Any) -> None:
        """After each step, and its sweep."""
        super().check_invariants(*more)
        self._note_birthdays()
        with transaction():
            waiting = accountability_need.unanswered(100)
        for person in waiting:
            with transaction():
                accountability.settle(SET_UP, person)
        with transaction():
            assert accountability_need.unanswered(100) == []
        happened["settled"] += len(waiting)
        now = clock.now()
        for person in self.alive:
            spells = accountability_rows.of(person)
            for each, since in self.need[person].items():
                answering = [spell for spell in spells if spell.role is each]
                assert gaps(answering, since, now) == [], (each, since, answering)

    def teardown(self) -> None:
        checks = ["accountable-once", "accountable-rows", "answered-for", "vacancy-owned"]
        assert [result.breaches for result in integrity.check(checks)] == [(), (), (), ()]
        with transaction():
            for model in (Absence, Deputy, Departure, TimeBox, AccountabilityOffer):
                db.session.execute(delete(model))
            for person in list(self.alive):
                people.record_death(SET_UP, person, died_at=clock.now(), place=PlaceOfDeath.HOME)

    def _person(self, at: int) -> str:
        return sorted(self.alive)[at % len(self.alive)]

    def _episode(self, reference: dict[str, str], code: str) -> None:
        records.create(
            SET_UP,
            {
                "resourceType": "EpisodeOfCare",
                "status": "active",
                "type": [{"coding": [{"system": EPISODE_TYPE, "code": code}]}],
                "patient": reference,
                "period": {"start": records.instant(clock.now())},
            },
            managed=True,
        )

    def _birthday(self, person: str, born: date) -> datetime:
        day = born.replace(year=born.year + 75)
        midnight = datetime.combine(day, time(), HOME).astimezone(UTC)
        return max(midnight, self.made[person])

    def _note_birthdays(self) -> None:
        for person, born in self.alive.items():
            begun = self._birthday(person, born)
            if begun <= clock.now():
                happened["birthday"] += begun > self.made[person]
                for each in BOTH:
                    known = self.need[person].get(each, begun)
                    self.need[person][each] = min(known, begun)


def gaps(spells: list[Holding], since: datetime, now: datetime) -> list[tuple[datetime, datetime]]:
    """Return the spans from ``since`` to ``now`` in which nobody answers, or two do."""
    found, covered = [], since
    for each in sorted(spells, key=lambda spell: spell.start):
        if each.end is not None and each.end <= since:
            continue
        if each.start > covered or (each.start < covered and covered != since):
            found.append((covered, each.start))
        covered = each.end or now + timedelta(microseconds=1)
    if covered <= now:
        found.append((covered, now))
    return found


DONE = {"register", "merge", "name", "end", "offer", "accept", "refuse", "withdraw", "absence"}
DONE |= {"leave with work", "birthday", "settled", "expired"}
ROUNDS = 5


def test_exactly_one_answers_in_each_role_at_every_instant(
    definition: HubDefinition, tmp_path: Path
) -> None:
    """Lives are drawn until each thing that can happen has happened in one of them.

    What a drawn number picks depends on the ids of the run, so no seed promises an answered offer.
    """
    clockwork = Clockwork(tmp_path, BEGIN)
    for number in range(ROUNDS):
        lives: Callable[[], Lives] = seed(number)(lambda: Lives(clockwork, definition))
        run_state_machine_as_test(
            lives,  # type: ignore[arg-type]
            settings=settings(
                max_examples=8,
                stateful_step_count=40,
                phases=[Phase.generate],
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        if number and set(+happened) >= DONE:
            break
    assert DONE - set(+happened) == set()


@pytest.mark.parametrize("broken", ["gap", "overlap", "late"])
def test_the_check_itself_finds_a_gap_and_an_overlap(broken: str) -> None:
    hour = timedelta(hours=1)
    shift = {"gap": hour, "overlap": -hour, "late": timedelta()}[broken]
    since = BEGIN - hour if broken == "late" else BEGIN
    spells = [
        Holding(AccountableRole.GP, "Practitioner/a", BEGIN, BEGIN + 3 * hour),
        Holding(AccountableRole.GP, "Practitioner/b", BEGIN + 3 * hour + shift),
    ]

    assert len(gaps(spells, since, BEGIN + 9 * hour)) == 1
