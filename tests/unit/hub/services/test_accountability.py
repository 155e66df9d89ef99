"""Named accountability: exactly one at every instant, and a vacancy is a task the same minute."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from fhir.outcomes import NotFoundError
from hub import clock, records
from hub.domain.accountability import AccountableRole
from hub.domain.errors import RuleError, StateError
from hub.queries import standing
from hub.records import Record
from hub.services import accountability, tasks
from hub.services import accountability_team as team
from hub.transaction import transaction
from tests.unit.hub.services.conftest import SET_UP, Person

Make = Callable[..., Person]
OLD = "1940-05-04"
HOUR = timedelta(hours=1)


def name(person: Person, role: str, who: str, start: datetime | None = None) -> Record:
    with transaction():
        return accountability.name(
            SET_UP, person.id, role=role, practitioner=f"Practitioner/{who}", start=start
        )


def vacancy_tasks(person: Person) -> list[str]:
    open_tasks = standing.managed(SET_UP, "Task", person.id, status=("requested",), code="vacancy")
    return sorted(task["description"] for task in open_tasks)


def test_naming_hands_the_role_over_and_keeps_history(person: Make) -> None:
    ada = person()
    long_ago = clock.now() - 10 * HOUR
    name(ada, "accountable-gp", "priya-gp", long_ago)

    name(ada, "accountable-gp", "omar-nights")

    now = accountability.current(SET_UP, ada.id)[AccountableRole.GP]
    before = accountability.as_at(SET_UP, ada.id, long_ago + HOUR)[AccountableRole.GP]
    assert now.practitioner == "Practitioner/omar-nights"
    assert before.practitioner == "Practitioner/priya-gp"
    assert before.end == now.start
    assert accountability.as_at(SET_UP, ada.id, long_ago - HOUR) == {}


def test_only_a_person_of_the_hub_is_named(person: Make) -> None:
    ada = person()

    with pytest.raises(RuleError, match="does not know"):
        name(ada, "accountable-gp", "nobody")
    with pytest.raises(RuleError, match="care-coordinator"):
        name(ada, "king", "priya-gp")
    with pytest.raises(NotFoundError):
        name(Person("nobody"), "accountable-gp", "priya-gp")
    with pytest.raises(RuleError), transaction():
        accountability.name(
            SET_UP, ada.id, role="accountable-gp", practitioner="CareTeam/coordination"
        )


def test_a_vacancy_is_an_urgent_task_at_once_and_closes_when_filled(person: Make) -> None:
    ada = person(birth_date=OLD)
    name(ada, "accountable-gp", "priya-gp", clock.now() - HOUR)
    name(ada, "care-coordinator", "jo-coordinator", clock.now() - HOUR)
    assert vacancy_tasks(ada) == []

    with transaction():
        accountability.end(SET_UP, ada.id, role="accountable-gp")

    (task,) = standing.managed(SET_UP, "Task", ada.id, code="vacancy")
    assert task["priority"] == "urgent"
    assert task["owner"] == {"reference": "Practitioner/jo-coordinator"}
    assert task["description"].startswith("Named accountable GP to be named after Priya")
    name(ada, "accountable-gp", "omar-nights")
    assert vacancy_tasks(ada) == []
    (closed,) = standing.managed(SET_UP, "Task", ada.id, code="vacancy")
    assert closed["status"] == "cancelled"


def test_without_a_coordinator_the_team_has_the_task(person: Make) -> None:
    ada = person(birth_date=OLD)
    name(ada, "care-coordinator", "jo-coordinator", clock.now() - HOUR)

    with transaction():
        accountability.end(SET_UP, ada.id, role="care-coordinator")

    tasks = standing.managed(SET_UP, "Task", ada.id, code="vacancy")
    assert {task["owner"]["reference"] for task in tasks} == {"CareTeam/coordination"}
    assert len(tasks) == 2


def test_raising_twice_opens_one_task_a_role(person: Make) -> None:
    ada = person(birth_date=OLD)
    patient = records.read(SET_UP, "Patient", ada.id)

    with transaction():
        first = accountability.raise_vacancies(SET_UP, patient)
    with transaction():
        again = accountability.raise_vacancies(SET_UP, patient)

    assert (len(first), again) == (2, [])


def test_a_vacancy_whose_task_was_closed_unfilled_gets_another(person: Make) -> None:
    ada = person(birth_date=OLD)
    patient = records.read(SET_UP, "Patient", ada.id)
    with transaction():
        first, _ = accountability.raise_vacancies(SET_UP, patient)
        tasks.cancel(SET_UP, first.id, version=first.version, reason="no-longer-needed")

    with transaction():
        (again,) = accountability.raise_vacancies(SET_UP, patient)

    assert again.id != first.id
    assert again["description"] == first["description"]


def test_nobody_is_needed_for_somebody_young_and_well(person: Make) -> None:
    ada = person()
    name(ada, "accountable-gp", "priya-gp", clock.now() - HOUR)

    with transaction():
        accountability.end(SET_UP, ada.id, role="accountable-gp")

    assert vacancy_tasks(ada) == []


def test_vacancies_lists_those_who_must_have_somebody(person: Make) -> None:
    old, young = person(birth_date=OLD), person("9990000026")
    person("9990000034", birth_date=OLD, deceasedDateTime="2026-01-02T03:04:05Z")
    left = person("9990000042", birth_date=OLD)
    name(left, "accountable-gp", "priya-gp", clock.now() - 2 * HOUR)
    name(left, "care-coordinator", "jo-coordinator", clock.now() - 2 * HOUR)
    with transaction():
        accountability.end(SET_UP, left.id, role="accountable-gp")

    found = accountability.vacancies(SET_UP)

    assert [(each.patient.id, each.vacancy.role) for each in found] == [
        (old.id, AccountableRole.GP),
        (old.id, AccountableRole.COORDINATOR),
        (left.id, AccountableRole.GP),
    ]
    assert found[-1].vacancy.left_by == "Practitioner/priya-gp"
    assert young.id not in {each.patient.id for each in found}


def test_seventy_five_is_reckoned_by_the_day(person: Make) -> None:
    today = clock.now().date()
    tomorrow = today + timedelta(days=1)
    person(birth_date=tomorrow.replace(year=tomorrow.year - 75).isoformat())
    of_age = person("9990000026", birth_date=today.replace(year=today.year - 75).isoformat())

    assert {each.patient.id for each in accountability.vacancies(SET_UP)} == {of_age.id}


def test_nobody_who_was_accountable_can_be_removed_by_any_door(person: Make) -> None:
    ada = person()
    name(ada, "accountable-gp", "priya-gp", clock.now() - HOUR)
    name(ada, "accountable-gp", "omar-nights")
    held = records.read(SET_UP, "CareTeam", team.team_id(ada.id))
    resource = held.resource

    def put(participants: list[dict[str, object]]) -> None:
        with transaction():
            records.update(
                SET_UP, {**resource, "participant": participants}, type="CareTeam", id=held.id
            )

    first, second = resource["participant"]
    with pytest.raises(StateError, match="stays on record"):
        put([second])
    with pytest.raises(StateError, match="stays on record"):
        put(
            [
                {
                    **first,
                    "period": {**first["period"], "end": second["period"]["start"][:-8] + "Z"},
                },
                second,
            ]
        )
    with pytest.raises(RuleError, match="exactly one"):
        put([first, second, {**second, "member": {"reference": "Practitioner/priya-gp"}}])
    with pytest.raises(StateError), transaction():
        records.delete(SET_UP, "CareTeam", held.id)
    with pytest.raises(StateError), transaction():
        records.update(SET_UP, {**resource, "status": "inactive"}, type="CareTeam", id=held.id)
    bare = {key: value for key, value in resource.items() if key != "category"}
    with pytest.raises(RuleError), transaction():
        records.update(SET_UP, bare, type="CareTeam", id=held.id)


def test_ending_what_nobody_holds_is_refused(person: Make) -> None:
    ada = person()

    with pytest.raises(NotFoundError), transaction():
        accountability.end(SET_UP, ada.id, role="accountable-gp")
    name(ada, "accountable-gp", "priya-gp")
    with pytest.raises(StateError), transaction():
        accountability.end(SET_UP, ada.id, role="social-worker")
