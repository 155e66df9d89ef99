"""The guard of managed Tasks: whoever writes, by whatever door, the table holds."""

from collections.abc import Callable
from typing import Any

import pytest

from fhir.outcomes import UnprocessableError
from hub import records
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.records import Record
from hub.records.labels import relabel
from hub.services import tasks
from hub.transaction import transaction
from tests.unit.hub.services.conftest import SET_UP, Person

Staff = Callable[[str], Actor]
Make = Callable[..., Person]
HUB = hub_actor("absence")


@pytest.fixture
def task(person: Make) -> Record:
    ada = person()
    with transaction():
        return tasks.open_task(
            SET_UP,
            code="intervention",
            patient=ada.reference,
            description="Dressing",
            owner="Practitioner/asha-nurse",
            performing_organization="Organization/rxs",
            accountable_organization="Organization/u9s01",
        )


def put(actor: Actor, task: Record, **changes: Any) -> Record:
    resource = {**task.resource, **changes}
    resource = {name: value for name, value in resource.items() if value is not None}
    with transaction():
        return records.update(actor, resource, type="Task", id=task.id, if_match=task.version)


def test_the_owner_follows_the_table(task: Record, staff: Staff) -> None:
    asha = staff("asha-nurse")

    accepted = put(asha, task, status="accepted")

    assert accepted["status"] == "accepted"
    with pytest.raises(StateError, match="cannot become received"):
        put(asha, accepted, status="received")


def test_an_api_client_of_nobody_moves_nothing(task: Record, system_actor: Actor) -> None:
    with pytest.raises(NotPermittedError):
        put(system_actor, task, status="accepted")
    with pytest.raises(NotPermittedError):
        put(system_actor, task, description="Something else")


def test_labels_are_a_change_like_any_other(task: Record, system_actor: Actor) -> None:
    def labelled(meta: dict[str, Any]) -> dict[str, Any]:
        return {**meta, "security": [{"code": "R"}]}

    def foreign(meta: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in meta.items() if name != "tag"}

    with pytest.raises(NotPermittedError):
        relabel(system_actor, "Task", task.id, "meta-add", labelled)
    with pytest.raises(UnprocessableError, match="set by the hub only"):
        relabel(HUB, "Task", task.id, "meta-delete", foreign)
    assert relabel(HUB, "Task", task.id, "meta-add", labelled)["meta"]["security"]


@pytest.mark.parametrize("owner", [None, {"display": "somebody"}, {"reference": "Patient/1"}])
def test_a_task_is_never_without_an_owner(task: Record, owner: dict[str, str] | None) -> None:
    with pytest.raises(RuleError, match="never without an owner"):
        put(HUB, task, owner=owner)


def test_both_organisations_stay_on_it(task: Record, staff: Staff) -> None:
    for extension in task["extension"]:
        with pytest.raises(RuleError, match="organisation"):
            put(staff("asha-nurse"), task, extension=[extension])


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ("for", {"reference": "Patient/other"}),
        ("authoredOn", "2020-01-01T00:00:00Z"),
        ("intent", "plan"),
        ("requester", {"reference": "Practitioner/asha-nurse"}),
    ],
)
def test_what_it_is_about_does_not_change(
    task: Record, staff: Staff, element: str, value: object
) -> None:
    with pytest.raises(RuleError, match="does not change"):
        put(staff("asha-nurse"), task, **{element: value})


def test_the_hub_moves_it_only_with_a_cause(task: Record) -> None:
    with pytest.raises(RuleError, match="cause"):
        put(HUB, task, owner={"reference": "Practitioner/gareth-price"})

    moved = put(
        HUB,
        task,
        owner={"reference": "Practitioner/gareth-price"},
        statusReason={"coding": [{"code": "absence"}]},
    )

    assert moved["owner"] == {"reference": "Practitioner/gareth-price"}


def test_the_accountable_organisation_calls_it_off(task: Record, staff: Staff) -> None:
    assert put(staff("jo-coordinator"), task, status="cancelled")["status"] == "cancelled"


def test_a_status_that_the_hub_does_not_use_is_refused(task: Record, staff: Staff) -> None:
    with pytest.raises(RuleError, match="never draft"):
        put(staff("asha-nurse"), task, status="draft")


def test_it_is_never_deleted_and_starts_as_requested(task: Record) -> None:
    with pytest.raises(StateError, match="never deleted"), transaction():
        records.delete(SET_UP, "Task", task.id)
    resource = {
        name: value for name, value in task.resource.items() if name not in {"id", "meta", "status"}
    }
    with pytest.raises(StateError, match="starts as requested"), transaction():
        records.create(SET_UP, {**resource, "status": "completed"}, managed=True)


def test_a_foreign_task_is_kept_as_it_comes(person: Make, system_actor: Actor) -> None:
    ada = person()
    foreign = {
        "resourceType": "Task",
        "status": "completed",
        "intent": "order",
        "for": {"reference": ada.reference},
    }

    with transaction():
        made = records.create(system_actor, foreign)
        changed = records.update(
            system_actor, {**made.resource, "status": "draft"}, type="Task", id=made.id
        )

    assert changed["status"] == "draft"
    assert not changed.managed
