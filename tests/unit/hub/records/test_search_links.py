"""Lists, hierarchies, canonicals and wildcards: searches that follow references."""

from collections.abc import Iterable
from typing import Any

import pytest
from flask import Flask

from fhir.outcomes import BadRequestError, ForbiddenError
from hub import records
from hub.domain.actor import Actor, ActorKind
from tests.factories.actor import actor

QUESTIONS = "https://example.org/questions"


def _ids(actor: Actor, kind: str, *params: tuple[str, str]) -> list[str]:
    return [record.id for record in records.search(actor, kind, params).records]


def _included(actor: Actor, kind: str, *params: tuple[str, str]) -> set[str]:
    return {record.reference for record in records.search(actor, kind, params).included}


def _create(actor: Actor, resources: Iterable[tuple[str, dict[str, Any]]]) -> None:
    for record_id, resource in resources:
        records.create(actor, resource, id=record_id)


@pytest.fixture
def wards(app: Flask, system_actor: Actor) -> Actor:
    """Site > ward > room, and one visit in the room; a ring of two rooms beside them."""

    def location(record_id: str, whole: str | None) -> tuple[str, dict[str, Any]]:
        part = {"partOf": {"reference": f"Location/{whole}"}} if whole else {}
        return record_id, {"resourceType": "Location", "name": record_id, **part}

    visit = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"code": "IMP"},
        "location": [{"location": {"reference": "Location/room"}}],
    }
    _create(
        system_actor,
        [
            location("site", None),
            location("ward", "site"),
            location("room", "ward"),
            location("ring", "gnir"),
            location("gnir", "ring"),
            ("visit", visit),
        ],
    )
    return system_actor


@pytest.mark.parametrize(
    ("kind", "name", "value", "found"),
    [
        ("Encounter", "location:below", "site", ["visit"]),
        ("Encounter", "location:below", "Location/ward", ["visit"]),
        ("Encounter", "location:below", "nowhere,room", ["visit"]),
        ("Encounter", "location:below", "ring", []),
        ("Encounter", "location:above", "room", ["visit"]),
        ("Encounter", "location:above", "site", []),
        ("Location", "partof:below", "site", ["room", "ward"]),
        ("Location", "partof:above", "room", ["room", "ward"]),
        ("Location", "partof:below", "ring", ["gnir", "ring"]),
        ("Location", "partof:above", "ring", ["gnir", "ring"]),
    ],
)
def test_a_hierarchy_is_walked_both_ways(
    wards: Actor, kind: str, name: str, value: str, found: list[str]
) -> None:
    assert _ids(wards, kind, (name, value)) == found


def test_a_hierarchy_is_asked_by_id(wards: Actor) -> None:
    for value in ("Patient/1", "https://example.org/Location/1", "a b"):
        with pytest.raises(BadRequestError, match="location:below is an id or Type/id"):
            records.search(wards, "Encounter", [("location:below", value)])
    with pytest.raises(BadRequestError, match="below is not a modifier of practitioner"):
        records.search(wards, "Encounter", [("practitioner:below", "1")])


@pytest.fixture
def forms(app: Flask, system_actor: Actor) -> Actor:
    """Two versions of a questionnaire, and answers to one, to any and to an older one."""

    def questions(version: str) -> dict[str, Any]:
        return {
            "resourceType": "Questionnaire",
            "url": QUESTIONS,
            "version": version,
            "status": "active",
            "title": f"Questions {version}",
        }

    def answers(canonical: str) -> dict[str, Any]:
        return {
            "resourceType": "QuestionnaireResponse",
            "questionnaire": canonical,
            "status": "completed",
        }

    _create(
        system_actor,
        [
            ("q12", questions("1.2")),
            ("q2", questions("2.0")),
            ("any", answers(QUESTIONS)),
            ("of1", answers(f"{QUESTIONS}|1")),
            ("of12", answers(f"{QUESTIONS}|1.2")),
            ("of13", answers(f"{QUESTIONS}|13")),
        ],
    )
    return system_actor


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("questionnaire", QUESTIONS, ["any", "of1", "of12", "of13"]),
        ("questionnaire", f"{QUESTIONS}\\|1.2", ["of12"]),
        ("questionnaire:below", QUESTIONS, ["any", "of1", "of12", "of13"]),
        ("questionnaire:below", f"{QUESTIONS}|1", ["of1", "of12"]),
        ("questionnaire:above", f"{QUESTIONS}|1.2.5", ["any", "of1", "of12"]),
        ("questionnaire:above", QUESTIONS, ["any"]),
        ("questionnaire.title", "questions 1", ["any", "of12"]),
    ],
)
def test_a_canonical_is_compared_with_its_version(
    forms: Actor, name: str, value: str, found: list[str]
) -> None:
    assert _ids(forms, "QuestionnaireResponse", (name, value)) == found


def test_a_canonical_leads_to_its_definitions_and_back(forms: Actor) -> None:
    include = ("_include", "QuestionnaireResponse:questionnaire")
    back = ("_revinclude", "QuestionnaireResponse:questionnaire")
    having = ("_has:QuestionnaireResponse:questionnaire:_id", "of12")

    assert _included(forms, "QuestionnaireResponse", ("_id", "of12"), include) == {
        "Questionnaire/q12"
    }
    assert _included(forms, "QuestionnaireResponse", ("_id", "any"), include) == {
        "Questionnaire/q12",
        "Questionnaire/q2",
    }
    assert _included(forms, "Questionnaire", ("_id", "q12"), back) == {
        "QuestionnaireResponse/any",
        "QuestionnaireResponse/of12",
    }
    assert _ids(forms, "Questionnaire", having) == ["q12"]


@pytest.fixture
def listed(app: Flask, system_actor: Actor) -> Actor:
    """A list that names two people and two conditions, one of them taken off."""
    condition = {"resourceType": "Condition", "subject": {"reference": "Patient/ada"}}
    entries = [
        {"item": {"reference": "Patient/ada"}},
        {"item": {"reference": "Patient/bo/_history/1"}},
        {"item": {"reference": "Condition/kept"}},
        {"item": {"reference": "Condition/gone"}, "deleted": True},
        {"item": {"display": "something else"}},
    ]
    _create(
        system_actor,
        [
            ("ada", {"resourceType": "Patient"}),
            ("bo", {"resourceType": "Patient"}),
            ("cy", {"resourceType": "Patient"}),
            ("kept", condition),
            ("gone", condition),
            (
                "round",
                {"resourceType": "List", "status": "current", "mode": "changes", "entry": entries},
            ),
        ],
    )
    return system_actor


def test_members_of_a_list_are_found(listed: Actor) -> None:
    assert _ids(listed, "Patient", ("_list", "round")) == ["ada", "bo"]
    assert _ids(listed, "Condition", ("_list", "nothing,round")) == ["kept"]
    assert _ids(listed, "Condition", ("patient._list", "round")) == ["gone", "kept"]
    assert _ids(listed, "Patient", ("_has:Condition:patient:_list", "round")) == ["ada"]
    assert _ids(listed, "Patient", ("_list", "nothing")) == []
    with pytest.raises(BadRequestError, match="functional lists"):
        records.search(listed, "Condition", [("_list", "$current-problems")])


def test_a_list_shows_nothing_to_who_may_not_see_it(listed: Actor) -> None:
    patients = Actor(
        kind=ActorKind.SYSTEM, id="client/p", display="P", scopes=frozenset({"system/Patient.rs"})
    )

    with pytest.raises(ForbiddenError):
        records.search(patients, "Patient", [("_list", "round")])
    assert _ids(actor("stranger"), "Patient", ("_list", "round")) == []


def test_a_wildcard_brings_all_that_may_be_seen(listed: Actor) -> None:
    few = Actor(
        kind=ActorKind.SYSTEM,
        id="client/few",
        display="Few",
        scopes=frozenset({"system/Condition.rs", "system/List.rs"}),
    )

    everything = {"Condition/gone", "Condition/kept", "List/round"}
    assert _included(listed, "Patient", ("_id", "ada"), ("_revinclude", "*")) == everything
    assert _included(listed, "Condition", ("_id", "kept"), ("_include", "*")) == {"Patient/ada"}
    assert _included(listed, "Condition", ("_id", "kept"), ("_include", "Condition:*")) == {
        "Patient/ada"
    }
    assert _included(few, "Condition", ("_id", "kept"), ("_include", "*")) == set()
    around = _included(listed, "Condition", ("_id", "kept"), ("_revinclude:iterate", "*"))
    assert around == {"List/round"}


@pytest.mark.parametrize(
    "value",
    ["Condition:shoe", "Spaceship:x", "Patient:link:Practitioner", "Patient", "Condition:subject"],
)
def test_an_include_that_cannot_be_is_refused_or_left_out(
    listed: Actor, value: str, system_actor: Actor
) -> None:
    asked = [("_include", value), ("_id", "ada")]
    with pytest.raises(BadRequestError, match="_include"):
        records.search(listed, "Patient", asked)
    lenient = records.search(listed, "Patient", asked, lenient=True)

    assert lenient.self_params == (("_id", "ada"),)
    assert [record.id for record in lenient.records] == ["ada"]
