"""Index values of resources: parts once, precise dates, pairs of one element."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from fhir.registry.search_parameters import patient_parameters, search_parameters
from fhir.search import keys
from fhir.search.cover import cover
from fhir.search.index import index, patient_column_parameters


def test_each_part_of_a_name_is_stored_once() -> None:
    entries = index(
        {
            "resourceType": "Patient",
            "id": "p",
            "name": [{"family": "O’Brien", "given": ["Zoë", "Ann"], "prefix": ["Dr"]}],  # noqa: RUF001 - a typographic apostrophe is meant
        }
    )

    assert set(entries.strings) == {
        ("family", "o'brien"),
        ("given", "zoe"),
        ("given", "ann"),
        ("name", "dr"),
    }
    assert cover("Patient", "name").holders == ("name", "family", "given")
    assert entries.patient == "p"


def test_a_phone_is_a_telecom() -> None:
    entries = index(
        {
            "resourceType": "Patient",
            "telecom": [{"system": "phone", "value": "01632 960 123"}],
        }
    )

    assert keys.token("telecom", "phone", "01632960123") in entries.keys
    assert not [key for key in entries.keys if key.startswith("phone\n")]
    assert cover("Patient", "phone").system == "phone"


def test_a_task_of_a_person_has_its_patient_in_the_column_only() -> None:
    task = {
        "resourceType": "Task",
        "for": {"reference": "Patient/p1"},
        "owner": {"reference": "Practitioner/jo/_history/3"},
    }
    entries = index(task)

    assert entries.patient == "p1"
    assert patient_column_parameters("Task") == {"patient", "subject"}
    assert not [key for key in entries.keys if key.startswith(("patient\n", "subject\n"))]
    assert keys.reference("owner", "Practitioner/jo") in entries.keys


def test_a_person_of_another_system_is_a_key() -> None:
    task = {"resourceType": "Task", "for": {"reference": "https://example.org/fhir/Patient/p1"}}
    entries = index(task)

    assert entries.patient is None
    assert keys.reference("subject", "https://example.org/fhir/Patient/p1") in entries.keys


def test_parameters_with_a_column_make_no_keys() -> None:
    task = {"resourceType": "Task", "status": "ready", "intent": "order"}

    assert index(task, without=frozenset({"status"})).keys == (keys.token_code("intent", "order"),)
    assert index(task, without=frozenset({"status"})).present == index(task).present


def test_the_identifier_in_a_reference_with_a_column_stays_a_key() -> None:
    task = {"resourceType": "Task", "owner": {"identifier": {"system": "s", "value": "1"}}}

    assert (
        keys.token("owner:identifier", "s", "1") in index(task, without=frozenset({"owner"})).keys
    )


def test_somebody_of_whom_nothing_is_said_is_not_dead() -> None:
    alive, dead = keys.token_code("deceased", "false"), keys.token_code("deceased", "true")

    assert alive in index({"resourceType": "Patient"}).keys
    assert dead in index({"resourceType": "Patient", "deceasedDateTime": "2020"}).keys


def test_periods_are_open_where_an_end_is_missing() -> None:
    entries = index({"resourceType": "CarePlan", "period": {"start": "2026-03"}})

    assert entries.dates == {"date": ((datetime(2026, 3, 1, tzinfo=UTC), None),)}


def test_the_parts_of_a_blood_pressure_keep_their_codes() -> None:
    def part(code: str, value: str) -> dict[str, object]:
        return {
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": Decimal(value), "code": "mm[Hg]"},
        }

    entries = index(
        {"resourceType": "Observation", "component": [part("8480-6", "120"), part("8462-4", "80")]}
    )
    high = next(q for q in entries.quantities if q.lo == 120)

    assert len(entries.quantities) == 2
    assert keys.token("component-code", "http://loinc.org", "8480-6") in high.companion
    assert keys.token("component-code", "http://loinc.org", "8462-4") not in high.companion


def test_a_contained_patient_is_a_patient_but_nobody_of_ours() -> None:
    entries = index(
        {
            "resourceType": "Observation",
            "contained": [{"resourceType": "Patient", "id": "inside"}],
            "subject": {"reference": "#inside"},
        }
    )
    bit = search_parameters("Observation")["patient"].bit

    assert entries.present >> bit & 1
    assert entries.patient is None


@pytest.mark.parametrize("kind", ["Task", "CarePlan", "Observation", "Consent"])
def test_the_subject_comes_first_in_the_compartment(kind: str) -> None:
    assert patient_parameters(kind)[0] == "patient"


def test_numbers_of_parameters_are_unique() -> None:
    numbers = [p.number for kind in ("Task", "Patient") for p in search_parameters(kind).values()]

    assert len(numbers) == len(set(numbers))


def test_a_record_is_in_the_compartments_of_everybody_whom_its_parameters_name() -> None:
    found = index(
        {
            "resourceType": "Communication",
            "status": "completed",
            "subject": {"reference": "Patient/a"},
            "sender": {"reference": "Patient/b"},
            "recipient": [{"reference": "Patient/c"}, {"reference": "Patient/a"}],
        }
    )
    assert (found.patient, found.others) == ("a", ("b", "c"))
    linked = index(
        {
            "resourceType": "Patient",
            "id": "a",
            "link": [{"other": {"reference": "Patient/b"}, "type": "seealso"}],
        }
    )
    assert (linked.patient, linked.others) == ("a", ("b",))
