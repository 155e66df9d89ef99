"""The order of a search by every kind of parameter, and its pages while others write."""

import threading
from collections import Counter
from typing import Any

import pytest
from flask import Flask

from fhir.outcomes import BadRequestError
from fhir.registry import SUPPORTED_TYPES
from fhir.registry.search_parameters import search_parameters
from hub import records
from hub.domain.actor import Actor
from hub.records import counting


def _walk(actor: Actor, kind: str, params: list[tuple[str, str]]) -> list[str]:
    seen: list[str] = []
    cursor: list[tuple[str, str]] = []
    while True:
        page = records.search(actor, kind, [*params, *cursor])
        seen += [record.id for record in page.records]
        if page.next is None:
            return seen
        cursor = [("_cursor", page.next)]


def _encounter(*starts: str) -> dict[str, Any]:
    places = [
        {"location": {"reference": "Location/x"}, "period": {"start": start}} for start in starts
    ]
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"code": "HH"},
        **({"location": places} if places else {}),
    }


def test_of_several_values_the_first_in_the_order_counts(app: Flask, system_actor: Actor) -> None:
    for record_id, starts in {
        "wide": ("2020-01-01", "2024-01-01"),
        "early": ("2021", "2022-05"),
        "late": ("2023-01-01T00:30:00+02:00",),
        "zoned": ("2022-12-31T23:00:00Z", "2023-06-01T10:00:00.5Z"),
    }.items():
        records.create(system_actor, _encounter(*starts), id=record_id)
    records.create(system_actor, _encounter(), id="none")

    rising = _walk(system_actor, "Encounter", [("_sort", "location-period"), ("_count", "1")])
    falling = _walk(system_actor, "Encounter", [("_sort", "-location-period"), ("_count", "2")])
    assert rising == ["wide", "early", "late", "zoned", "none"]
    assert falling == ["wide", "zoned", "late", "early", "none"]


def test_names_and_quantities_are_ordered_as_what_they_are(app: Flask, system_actor: Actor) -> None:
    for record_id, families in {"a": ["Mills", "Adams"], "b": ["Brown"], "c": ["Zola"]}.items():
        names = [{"family": family} for family in families]
        records.create(system_actor, {"resourceType": "Patient", "name": names}, id=record_id)
    for record_id, value in {"nine": "9", "ten": "10.0", "minus": "-1e1"}.items():
        text = (
            '{"resourceType": "Observation", "status": "final", "code": {"text": "x"},'
            f' "valueQuantity": {{"value": {value}}}}}'
        )
        records.create(system_actor, text, id=record_id)
    samples = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "valueSampledData": {"origin": {"value": 1}, "period": 1, "dimensions": 1, "data": "1 2"},
    }
    records.create(system_actor, samples, id="samples")

    assert _walk(system_actor, "Patient", [("_sort", "family")]) == ["a", "b", "c"]
    assert _walk(system_actor, "Patient", [("_sort", "-family")]) == ["c", "a", "b"]
    by_value = ["minus", "nine", "ten", "samples"]
    assert _walk(system_actor, "Observation", [("_sort", "value-quantity")]) == by_value


def test_nothing_is_left_to_order_after_the_id(app: Flask, system_actor: Actor) -> None:
    for record_id, gender in {"a": "male", "b": "female", "c": "male"}.items():
        records.create(system_actor, {"resourceType": "Patient", "gender": gender}, id=record_id)

    assert _walk(system_actor, "Patient", [("_sort", "-_id,gender")]) == ["c", "b", "a"]
    assert _walk(system_actor, "Patient", [("_sort", "gender,-_id")]) == ["b", "c", "a"]


@pytest.mark.parametrize("kind", SUPPORTED_TYPES)
def test_every_parameter_with_an_order_can_be_sorted_by(
    app: Flask, system_actor: Actor, kind: str
) -> None:
    for code, parameter in search_parameters(kind).items():
        if parameter.kind in {"composite", "special"} or not parameter.paths:
            with pytest.raises(BadRequestError):
                records.search(system_actor, kind, [("_sort", code)])
        else:
            found = records.search(system_actor, kind, [("_sort", f"-{code},_id")])
            assert found.records == ()


def _patient(number: int, name: str) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": f"p{number:03}",
        "name": [{"family": name}],
        "managingOrganization": {"reference": f"Organization/o{number % 3}"},
    }


@pytest.mark.parametrize("sort", ["", "family", "-family,_lastUpdated", "-_id"])
def test_rows_that_do_not_change_are_shown_once_while_others_write(
    app: Flask, system_actor: Actor, sort: str
) -> None:
    for number in range(3):
        organization = {"resourceType": "Organization", "name": f"o{number}"}
        records.create(system_actor, organization, id=f"o{number}")
    for number in range(60):
        records.create(system_actor, _patient(number, f"name{number % 7}"), id=f"p{number:03}")
    still = {f"p{number:03}" for number in range(0, 60, 2)}
    stop = threading.Event()
    written = Counter[str]()

    def write() -> None:
        with app.app_context():
            number = 0
            while not stop.is_set():
                number += 1
                odd = (number * 2 + 1) % 60
                changed = _patient(odd, f"changed{number % 11}")
                records.update(system_actor, changed, type="Patient", id=changed["id"])
                new = {"resourceType": "Patient", "name": [{"family": f"new{number % 5}"}]}
                records.create(system_actor, new, id=f"n{number:04}")
                if number % 3 == 0:
                    records.delete(system_actor, "Patient", f"n{number:04}")
                written["rounds"] += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        params = [("_count", "4"), ("_include", "Patient:organization")]
        params += [("_sort", sort)] if sort else []
        walks = [_walk(system_actor, "Patient", params) for _ in range(3)]
    finally:
        stop.set()
        writer.join()

    assert written["rounds"] > 3
    for seen in walks:
        shown = Counter(seen)
        assert {record_id: shown[record_id] for record_id in still} == dict.fromkeys(still, 1)


def test_a_changed_cursor_is_refused(app: Flask, system_actor: Actor) -> None:
    for number in range(3):
        records.create(system_actor, _patient(number, "x"), id=f"p{number:03}")
    params = [("_sort", "family"), ("_count", "1")]
    cursor = str(records.search(system_actor, "Patient", params).next)

    assert records.search(system_actor, "Patient", [*params, ("_cursor", cursor)]).records
    swapped = cursor[:-3] + ("AAA" if cursor[-3:] != "AAA" else "BBB")
    for other in (
        swapped,
        cursor[:-4],
        "A" * 16 + cursor[16:],
        cursor + "A" * 9000,
        "é",
        "W10",
        "",
    ):
        with pytest.raises(BadRequestError, match="_cursor"):
            records.search(system_actor, "Patient", [*params, ("_cursor", other)])
    for elsewhere in ([("_sort", "-family")], [("_sort", "family"), ("family", "x")]):
        with pytest.raises(BadRequestError, match="_cursor"):
            records.search(system_actor, "Patient", [*elsewhere, ("_cursor", cursor)])
    with pytest.raises(BadRequestError, match="_cursor"):
        records.search(system_actor, "Practitioner", [*params, ("_cursor", cursor)])


def test_counting_stops_at_its_budget_unless_it_must_be_accurate(
    app: Flask, system_actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "BUDGET", 5)
    for number in range(8):
        records.create(system_actor, _patient(number, "x"), id=f"p{number:03}")
    params = [("family", "x"), ("_count", "2")]

    estimate = records.search(system_actor, "Patient", params)
    assert estimate.estimated
    assert estimate.total is not None
    assert estimate.total > 5
    accurate = records.search(system_actor, "Patient", [*params, ("_total", "accurate")])
    assert (accurate.total, accurate.estimated) == (8, False)
    small = records.search(system_actor, "Patient", [("_id", "p001"), ("_count", "0")])
    assert (small.total, small.estimated, small.records) == (1, False, ())
