"""The sample people: the same for a seed, impossible to mistake for anybody real."""

import re
import time
from datetime import date

import pytest
from flask import Flask

from hub import records
from hub.domain import nhs_number
from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition
from hub.samples import SOUTHEND, load_hub, load_people
from hub.samples.people import COUNT, draw, valid_nhs_number
from hub.services import accountability, definitions
from hub.transaction import transaction

SET_UP = hub_actor("set-up")
TODAY = date(2026, 12, 27)


@pytest.fixture(scope="module")
def southend() -> HubDefinition:
    return definitions.check(SOUTHEND)


def test_a_seed_draws_the_same_people(southend: HubDefinition) -> None:
    assert draw(southend, TODAY, count=40) == draw(southend, TODAY, count=40)
    assert draw(southend, TODAY, count=40) != draw(southend, TODAY, count=40, seed=1)


def test_everybody_has_a_test_number_with_a_valid_check_digit(southend: HubDefinition) -> None:
    numbers = [person.nhs_number for person in draw(southend, TODAY)]

    assert len(set(numbers)) == COUNT
    assert all(number.startswith("999") and nhs_number.is_valid(number) for number in numbers)


def test_a_number_without_a_check_digit_is_skipped() -> None:
    assert valid_nhs_number("999000000") is None
    assert valid_nhs_number("999000001") == "9990000018"


def test_telephones_are_of_the_drama_ranges(southend: HubDefinition) -> None:
    for person in draw(southend, TODAY):
        assert re.fullmatch(r"01632 960\d{3}", person.phone)
        assert re.fullmatch(r"07700 900\d{3}", person.carer.phone)


def test_nobody_who_is_married_to_themselves(southend: HubDefinition) -> None:
    for person in draw(southend, TODAY):
        assert (person.gender, person.carer.relation) not in {
            ("female", "wife"),
            ("male", "husband"),
        }


def test_people_are_loaded_once_with_active_plans_and_accountable_people(app: Flask) -> None:
    with transaction():
        load_hub(SET_UP)

    began = time.monotonic()
    assert load_people(SET_UP, count=80) == 80
    assert time.monotonic() - began < 30
    assert load_people(SET_UP, count=80) == 0

    plan = records.read(SET_UP, "CarePlan", "person-001-plan").resource
    assert plan["status"] == "active"
    named = accountability.current(SET_UP, "person-001")
    assert {"accountable-gp", "care-coordinator"} <= set(named)
    vacant = {
        (each.patient.id, each.vacancy.role.value) for each in accountability.vacancies(SET_UP)
    }
    assert vacant == {
        ("person-007", "care-coordinator"),
        ("person-023", "accountable-gp"),
        ("person-071", "care-coordinator"),
    }
