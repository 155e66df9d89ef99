"""The sample hub as records: complete, valid, loaded once however often it is loaded."""

from flask import Flask

from hub import records
from hub.domain.actor import hub_actor
from hub.samples import load_hub
from hub.services import definitions
from hub.transaction import transaction

SET_UP = hub_actor("set-up")


def test_loading_twice_changes_nothing(app: Flask) -> None:
    with transaction():
        load_hub(SET_UP)
    first = {
        name: records.read(SET_UP, *name.split("/"))
        for name in ("Organization/rxs", "CareTeam/spor", "PractitionerRole/asha-nurse")
    }
    with transaction():
        load_hub(SET_UP)

    assert {
        name: records.read(SET_UP, *name.split("/")).version for name in first
    } == dict.fromkeys(first, 1)
    assert all(records.is_managed(each.resource) for each in first.values())


def test_staff_stand_in_their_teams(app: Flask) -> None:
    with transaction():
        definition = load_hub(SET_UP)

    assert len(definition.staff) == 60
    for person in definition.staff.values():
        for team in person.teams:
            members = records.read(SET_UP, "CareTeam", team).resource["participant"]
            assert f"Practitioner/{person.username}" in {
                member["member"]["reference"] for member in members
            }


def test_the_active_definition_is_the_loaded_one(app: Flask) -> None:
    with transaction():
        load_hub(SET_UP)

    assert definitions.current().population == 330_915
    assert definitions.current().organisations["u9s01"].population == 14_000
