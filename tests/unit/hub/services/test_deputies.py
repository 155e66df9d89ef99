"""Who is away is acted for: by rule, at once, and every act says for whom it was."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub import clock, records
from hub.db import db
from hub.domain import deputies as rules
from hub.domain.actor import Actor
from hub.domain.definition import HubDefinition
from hub.models.absence import Absence
from hub.models.notice import Notice
from hub.queries import deputising
from hub.services import absences, accountability, deputies, notices, rota, tasks
from hub.transaction import transaction
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.conftest import SET_UP, Person

Make = Callable[..., Person]
Staff = Callable[[str], Actor]
ASHA = "Practitioner/asha-nurse"


def away(practitioner: str = ASHA, days: float | None = 3) -> Absence:
    now = clock.now()
    ends = now + timedelta(days=days) if days else None
    with transaction():
        return rota.report_absence(
            SET_UP, practitioner, starts_at=now, ends_at=ends, reason="sickness"
        )


def acting(staff: Staff, practitioner: str) -> Actor:
    """Return the Actor as they sign in now."""
    found = staff(practitioner.removeprefix("Practitioner/"))
    return replace(found, acts_for=deputising.absent_for(practitioner, clock.now()))


def test_the_named_deputy_comes_first_then_the_same_role_then_the_lead(
    definition: HubDefinition,
) -> None:
    asha = definition.staff["asha-nurse"]
    alike = {each.username for each in definition.members("district-nursing-west")}
    named = replace(
        definition, staff={**definition.staff, "asha-nurse": replace(asha, deputy="lucy-hart")}
    )

    assert rules.deputy(named, "asha-nurse", away=frozenset()) == ("lucy-hart", "named deputy")
    other = rules.deputy(named, "asha-nurse", away={"lucy-hart"})
    assert other is not None
    assert other[0] in alike - {"lucy-hart", "asha-nurse"}
    assert other[1] == "same role in District nursing west"
    at_work = rules.deputy(definition, "asha-nurse", away=frozenset(), on_shift={"lucy-hart"})
    assert at_work is not None
    assert at_work[0] == "lucy-hart"
    assert rules.deputy(definition, "gareth-price", away=alike - {"asha-nurse"}) == (
        "asha-nurse",
        "same role in District nursing west",
    )
    assert rules.deputy(definition, "asha-nurse", away=alike) == ("dana-duty", "duty manager")


def test_a_deputy_is_asked_at_the_start_and_stays_the_same_all_the_time(
    clockwork: Clockwork, definition: HubDefinition
) -> None:
    assert deputising.of([ASHA], clock.now()) == {}
    away()
    first = deputies.deputy_of(ASHA, clock.now())

    for _ in range(6):
        clockwork.advance(hours=11)
        assert deputies.deputy_of(ASHA, clock.now()) == first
        assert deputising.of([ASHA], clock.now())[ASHA].deputy == first
    lines = db.session.scalars(
        select(Notice.line).where(Notice.recipient == first, Notice.kind == "DeputyAsked")
    ).all()
    assert len(lines) == 1
    assert lines[0].startswith("You act for Asha Patel until")


def test_a_deputy_who_falls_ill_is_followed_by_the_next(
    clockwork: Clockwork, definition: HubDefinition
) -> None:
    away()
    first = deputies.deputy_of(ASHA, clock.now())
    assert first is not None
    clockwork.advance(hours=1)

    away(first)

    second = deputising.of([ASHA], clock.now())[ASHA].deputy
    assert second not in {ASHA, first}
    assert deputies.deputy_of(ASHA, clock.now()) == second
    assert deputising.absent_for(first, clock.now()) == frozenset()


def test_access_is_granted_for_the_span_and_not_a_moment_longer(
    person: Make, staff: Staff, clockwork: Clockwork
) -> None:
    ada = person()
    with transaction():
        accountability.name(SET_UP, ada.id, role="care-coordinator", practitioner=ASHA)
    absence = away()
    deputy = deputies.deputy_of(ASHA, clock.now())
    assert deputy is not None

    assert records.read_many(staff(deputy.partition("/")[2]), [ada.reference]) == {}
    assert list(records.read_many(acting(staff, deputy), [ada.reference])) == [ada.reference]
    clockwork.advance(hours=1)
    with transaction():
        absences.end(SET_UP, absence.id)
    assert acting(staff, deputy).acts_for == frozenset()
    assert records.read_many(acting(staff, deputy), [ada.reference]) == {}


def test_what_the_absent_person_is_told_the_deputy_is_told_too(
    definition: HubDefinition, clockwork: Clockwork
) -> None:
    away()
    deputy = deputies.deputy_of(ASHA, clock.now())

    with transaction():
        told = notices.tell([ASHA], kind="Test", subject="Task/1", line="New", key="one")

    assert set(told) == {ASHA, deputy}
    clockwork.advance(days=4)
    with transaction():
        assert notices.tell([ASHA], kind="Test", subject="Task/1", line="New", key="2") == [ASHA]


@pytest.fixture
def task_of_asha(person: Make) -> tuple[Person, records.Record]:
    ada = person()
    with transaction():
        made = tasks.open_task(
            SET_UP,
            code="intervention",
            patient=ada.reference,
            description="Change the dressing",
            owner=ASHA,
            performing_organization="Organization/rxs",
            accountable_organization="Organization/rxs",
        )
    return ada, made


def said_for(person: Person) -> list[tuple[str, str, str]]:
    found = records.search(SET_UP, "Provenance", [("target", person.reference)]).records
    return [
        (
            each["agent"][0]["who"]["reference"],
            each["agent"][0]["onBehalfOf"]["reference"],
            each["target"][0]["reference"],
        )
        for each in found
    ]


def test_an_act_of_the_deputy_says_for_whom_it_was(
    task_of_asha: tuple[Person, records.Record], staff: Staff, clockwork: Clockwork
) -> None:
    ada, task = task_of_asha
    gareth = staff("gareth-price")
    acting_for_asha = replace(gareth, acts_for=frozenset({ASHA}))

    with transaction():
        done = tasks.accept(acting_for_asha, task.id, version=task.version)

    assert said_for(ada) == [
        ("Practitioner/gareth-price", ASHA, f"Task/{task.id}/_history/{done.version}")
    ]


def test_what_somebody_does_for_themselves_says_nothing(
    task_of_asha: tuple[Person, records.Record], staff: Staff
) -> None:
    ada, task = task_of_asha
    with transaction():
        mine = tasks.assign(SET_UP, task.id, to="Practitioner/gareth-price", because="test")
    gareth = replace(staff("gareth-price"), acts_for=frozenset({ASHA}))

    with transaction():
        tasks.accept(gareth, task.id, version=mine.version)

    assert said_for(ada) == []
