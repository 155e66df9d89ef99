"""A death: place against preference, everything open stopped, the two tasks that follow."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from fhir.outcomes import VersionConflictError
from hub import clock, records
from hub.domain.errors import RuleError, StateError
from hub.domain.register import PlaceOfDeath
from hub.domain.task_states import OPEN
from hub.queries import standing
from hub.services import accountability, care_plans, people, register
from hub.services.people import DeathRecorded
from hub.transaction import transaction
from tests.factories.task import visit
from tests.unit.hub.services.conftest import SET_UP, Person
from tests.unit.hub.services.test_register import ENTRY

Make = Callable[..., Person]


def died(
    person: Person, place: PlaceOfDeath | str = PlaceOfDeath.HOME, version: int | None = None
) -> DeathRecorded:
    with transaction():
        return people.record_death(
            SET_UP,
            person.id,
            died_at=clock.now() - timedelta(hours=3),
            place=place,
            version=version,
        )


def settled(person: Person) -> None:
    """Give the person a register entry, a plan, a coordinator and open work."""
    with transaction():
        for role, who in (("accountable-gp", "priya-gp"), ("care-coordinator", "jo-coordinator")):
            accountability.name(SET_UP, person.id, role=role, practitioner=f"Practitioner/{who}")
        register.enter(SET_UP, person.id, ENTRY)
        plan = care_plans.open_plan(SET_UP, person.id, title="Living well")
        care_plans.add_action(SET_UP, plan.id, description="Dressing", service="district-nursing")
        visit(person.reference, owner="Practitioner/asha-nurse")


def test_everything_open_stops_and_two_tasks_begin(person: Make) -> None:
    ada = person()
    settled(ada)

    result = died(ada)

    assert result.stopped == 2
    assert result.plans_closed == 1
    still_open = standing.managed(SET_UP, "Task", ada.id, status=OPEN)
    assert {task["code"]["coding"][0]["code"] for task in still_open} == {
        "bereavement",
        "equipment-collection",
    }
    assert result.bereavement["owner"] == {"reference": "Practitioner/jo-coordinator"}
    assert result.equipment["description"] == "Collect the equipment: Hospital bed"
    assert register.current(SET_UP, ada.id) is None
    assert standing.managed(SET_UP, "Flag", ada.id, status=("active",)) == []
    plans = standing.managed(SET_UP, "CarePlan", ada.id)
    assert [plan["status"] for plan in plans] == ["revoked"]
    assert records.read(SET_UP, "Patient", ada.id).get("deceasedDateTime") is not None


@pytest.mark.parametrize(
    ("place", "achieved"), [(PlaceOfDeath.HOME, True), (PlaceOfDeath.HOSPITAL, False)]
)
def test_the_place_stands_beside_the_preference(
    person: Make, place: PlaceOfDeath, achieved: bool
) -> None:
    ada = person()
    settled(ada)

    result = died(ada, place)

    assert result.achieved is achieved
    assert result.place["valueCodeableConcept"]["coding"][0]["code"] == place.value
    preferred, met = result.place["component"]
    assert preferred["valueCodeableConcept"]["coding"][0]["code"] == "110481000000108"
    assert met["valueBoolean"] is achieved


def test_without_a_preference_nothing_is_claimed(person: Make) -> None:
    ada, ben = person(), person("9990000026")
    with transaction():
        register.enter(SET_UP, ben.id, replace(ENTRY, death_first=None, death_second=None))

    assert died(ada).achieved is None
    assert died(ben).achieved is None


def test_somebody_unknown_to_every_service_still_gets_both_tasks(person: Make) -> None:
    ada = person()

    result = died(ada, "183676005")

    assert result.bereavement["owner"] == {"reference": "CareTeam/coordination"}
    assert result.equipment["description"].startswith("Ask the family")
    assert (result.stopped, result.plans_closed) == (0, 0)


def test_nobody_dies_twice_or_ahead_of_time_or_nowhere(person: Make) -> None:
    ada = person()

    with pytest.raises(RuleError, match="ahead"), transaction():
        people.record_death(
            SET_UP, ada.id, died_at=clock.now() + timedelta(hours=1), place=PlaceOfDeath.HOME
        )
    with pytest.raises(RuleError, match="place"):
        died(ada, "Narnia")
    with pytest.raises(VersionConflictError):
        died(ada, version=7)
    died(ada)
    with pytest.raises(StateError, match="already"):
        died(ada)


def test_a_death_that_fails_half_way_changes_nothing(person: Make) -> None:
    ada = person()
    settled(ada)
    before = records.read(SET_UP, "Patient", ada.id).version

    with pytest.raises(VersionConflictError):
        died(ada, version=before + 1)

    assert register.current(SET_UP, ada.id) is not None
    assert len(standing.managed(SET_UP, "Task", ada.id, status=OPEN)) == 2
