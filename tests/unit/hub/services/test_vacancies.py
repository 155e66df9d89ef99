"""A long absence is a vacancy; a short one is covered by the team."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.dialects.postgresql import Range

from hub import clock
from hub.domain.actor import Actor
from hub.queries import standing
from hub.services import accountability, rota, vacancies
from hub.transaction import transaction
from tests.factories.absence import absence
from tests.unit.hub.services.conftest import SET_UP, Person

Make = Callable[..., Person]
DAY = timedelta(days=1)


def named(person: Person) -> None:
    with transaction():
        for role, who in (("accountable-gp", "priya-gp"), ("care-coordinator", "jo-coordinator")):
            accountability.name(
                SET_UP,
                person.id,
                role=role,
                practitioner=f"Practitioner/{who}",
                start=clock.now() - DAY,
            )


def away(who: str, start: datetime, end: datetime | None) -> None:
    with transaction():
        absence(f"Practitioner/{who}", during=Range(start, end))


def opened_after(who: str) -> int:
    with transaction():
        return vacancies.open_tasks_after(SET_UP, f"Practitioner/{who}")


@pytest.mark.parametrize(
    ("start", "end", "opened"),
    [
        (-1, 27, 1),
        (-1, 26, 0),
        (-28, None, 1),
        (-27, None, 0),
        (1, 60, 0),
        (-60, -1, 0),
    ],
)
def test_only_a_long_absence_is_a_vacancy(
    person: Make, start: int, end: int | None, opened: int
) -> None:
    ada = person(birth_date="1940-05-04")
    named(ada)
    now = clock.now()
    away("priya-gp", now + start * DAY, None if end is None else now + end * DAY)

    assert opened_after("priya-gp") == opened
    assert opened_after("priya-gp") == 0
    assert len(vacancies.all_for(SET_UP)) == opened


def test_a_coordinator_who_is_away_does_not_get_the_task(person: Make) -> None:
    ada = person(birth_date="1940-05-04")
    named(ada)
    away("jo-coordinator", clock.now() - DAY, clock.now() + 60 * DAY)

    assert opened_after("jo-coordinator") == 1

    (task,) = standing.managed(SET_UP, "Task", ada.id, code="vacancy")
    assert task["owner"] == {"reference": "CareTeam/coordination"}
    assert vacancies.all_for(SET_UP)[0].vacancy.reason == "away"


def test_the_sweep_finds_absences_that_have_become_long(person: Make) -> None:
    ada = person(birth_date="1940-05-04")
    named(ada)
    away("priya-gp", clock.now() - 40 * DAY, None)

    with transaction():
        first = vacancies.open_tasks_after_long_absences(SET_UP)
    with transaction():
        again = vacancies.open_tasks_after_long_absences(SET_UP)

    assert (first, again) == (1, 0)


def test_naming_somebody_else_closes_the_task(person: Make) -> None:
    ada = person(birth_date="1940-05-04")
    named(ada)
    away("priya-gp", clock.now() - DAY, clock.now() + 60 * DAY)
    opened_after("priya-gp")

    with transaction():
        accountability.name(
            SET_UP, ada.id, role="accountable-gp", practitioner="Practitioner/omar-nights"
        )

    (task,) = standing.managed(SET_UP, "Task", ada.id, code="vacancy")
    assert task["status"] == "cancelled"
    assert vacancies.all_for(SET_UP) == []


def test_reporting_a_long_absence_opens_the_task_the_same_minute(
    person: Make, staff: Callable[[str], Actor]
) -> None:
    ada = person(birth_date="1940-05-04")
    named(ada)

    with transaction():
        rota.report_absence(
            staff("priya-gp"),
            "Practitioner/priya-gp",
            starts_at=clock.now(),
            ends_at=clock.now() + 60 * DAY,
            reason="sickness",
        )

    (task,) = standing.managed(SET_UP, "Task", ada.id, code="vacancy")
    assert task["description"].startswith("Named accountable GP to be named after Priya")
