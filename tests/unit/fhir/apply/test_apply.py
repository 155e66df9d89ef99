"""Definitions become proposals: conditions decide, expressions fill in, nothing is left unsaid."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fhir.apply import Setting, apply_activity, apply_plan
from fhir.outcomes import UnprocessableError
from fhir.validation import validate

NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
ADA = {"resourceType": "Patient", "id": "ada", "gender": "female", "birthDate": "1940-01-01"}
WALK = {
    "resourceType": "ActivityDefinition",
    "url": "https://example.org/walk",
    "version": "2",
    "status": "active",
    "kind": "ServiceRequest",
    "code": {"text": "Walking aid"},
    "timingPeriod": {"start": "2026-05-05"},
    "participant": [{"type": "practitioner", "role": {"text": "Physiotherapist"}}],
}


def setting(*definitions: dict[str, Any], **more: Any) -> Setting:
    known = {each["url"]: each for each in definitions}
    return Setting(subject=ADA, at=NOW, find=lambda url: known.get(url.partition("|")[0]), **more)


def expression(text: str, language: str = "text/fhirpath") -> dict[str, str]:
    return {"language": language, "expression": text}


def plan(*actions: dict[str, Any], **elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "PlanDefinition",
        "status": "active",
        "action": list(actions),
    } | elements


def test_an_activity_becomes_a_draft_for_the_subject() -> None:
    kim = {"resourceType": "Practitioner", "id": "kim"}
    made = apply_activity(WALK, setting(practitioner=kim))
    assert validate(made) == []
    assert made == {
        "resourceType": "ServiceRequest",
        "instantiatesCanonical": ["https://example.org/walk|2"],
        "status": "draft",
        "intent": "proposal",
        "authoredOn": "2026-05-04T09:30:00+00:00",
        "code": {"text": "Walking aid"},
        "subject": {"reference": "Patient/ada"},
        "occurrencePeriod": {"start": "2026-05-05"},
        "requester": {"reference": "Practitioner/kim"},
        "performerType": {"text": "Physiotherapist"},
    }


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        ("Task", {"title": "Ring"}, {"description": "Ring", "for": {"reference": "Patient/ada"}}),
        (
            "MedicationRequest",
            {"productCodeableConcept": {"text": "Oil"}},
            {"medicationCodeableConcept": {"text": "Oil"}},
        ),
        ("CommunicationRequest", {"description": "Hi"}, {"payload": [{"contentString": "Hi"}]}),
        (
            "ServiceRequest",
            {"timingDuration": {"value": 3, "unit": "days"}},
            {"note": [{"text": "When: 3 days"}]},
        ),
    ],
)
def test_each_kind_says_it_in_its_own_elements(
    kind: str, more: dict[str, Any], expected: dict[str, Any]
) -> None:
    definition = {k: v for k, v in WALK.items() if not k.startswith("timing")}
    made = apply_activity(definition | {"kind": kind} | more, setting())
    assert validate(made) == []
    assert expected.items() <= made.items()


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("priority", "iif(%subject.gender = 'female', 'urgent', 'routine')", "urgent"),
        ("code.text", "'For ' & birthDate.toString()", {"text": "For 1940-01-01"}),
        ("occurrence[x]", "today()", "2026-05-04"),
        ("note[0].text", "'Seen'", [{"text": "Seen"}]),
    ],
)
def test_a_dynamic_value_is_put_where_its_path_says(path: str, text: str, expected: Any) -> None:
    dynamic = [{"path": path, "expression": expression(text)}]
    made = apply_activity(WALK | {"dynamicValue": dynamic}, setting())
    assert validate(made) == []
    assert expected in made.values()


@pytest.mark.parametrize(
    ("path", "text", "where"),
    [
        ("colour", "'red'", "path"),
        ("status.code", "'red'", "path"),
        ("note[3].text", "'red'", "path"),
        ("priority", "'a' | 'b'", "path"),
        ("priority", "name.nope(", "expression"),
    ],
)
def test_a_dynamic_value_that_does_not_fit_is_named(path: str, text: str, where: str) -> None:
    dynamic = [{"path": path, "expression": expression(text)}]
    with pytest.raises(UnprocessableError) as refused:
        apply_activity(WALK | {"dynamicValue": dynamic}, setting())
    (issue,) = refused.value.issues
    assert issue.expression == f"ActivityDefinition.dynamicValue[0].{where}"


def test_actions_whose_conditions_hold_become_activities() -> None:
    women = {"kind": "applicability", "expression": expression("gender = 'female'")}
    men = {"kind": "applicability", "expression": expression("gender = 'male'")}
    made = apply_plan(
        plan(
            {
                "definitionCanonical": "https://example.org/walk",
                "condition": [women],
                "reason": [{"text": "Falls"}],
                "dynamicValue": [{"path": "priority", "expression": expression("'asap'")}],
            },
            {"title": "Not for her", "condition": [women, men]},
            {"title": "Talk", "timingDuration": {"value": 2, "unit": "h"}, "code": [{"text": "t"}]},
            url="https://example.org/plan",
            goal=[
                {
                    "description": {"text": "Walk"},
                    "target": [{"due": {"value": 3, "unit": "months"}}],
                }
            ],
        ),
        setting(WALK),
    )
    assert validate(made) == []
    goal, request = made["contained"]
    assert (goal["description"], goal["target"]) == (
        {"text": "Walk"},
        [{"dueDuration": {"value": 3, "unit": "months"}}],
    )
    assert made["goal"] == [{"reference": "#goal-1"}]
    assert (request["priority"], request["reasonCode"]) == ("asap", [{"text": "Falls"}])
    assert made["activity"] == [
        {"reference": {"reference": "#activity-1"}},
        {
            "detail": {
                "code": {"text": "t"},
                "status": "not-started",
                "scheduledString": "2 h",
                "description": "Talk",
            }
        },
    ]
    assert (made["status"], made["intent"]) == ("draft", "proposal")
    assert made["instantiatesCanonical"] == ["https://example.org/plan"]


def test_groups_are_flattened_and_say_how_to_choose() -> None:
    made = apply_plan(
        plan(
            {
                "title": "Support",
                "selectionBehavior": "exactly-one",
                "action": [{"title": "A"}, {"title": "B"}],
            }
        ),
        setting(),
    )
    assert [each["detail"]["description"] for each in made["activity"]] == ["A", "B"]
    assert made["note"] == [{"text": "Support (exactly-one): A; B"}]


def test_a_plan_in_a_plan_is_applied_and_one_in_itself_refused() -> None:
    inner = plan({"title": "Inner"}, url="https://example.org/inner")
    outer = plan({"definitionCanonical": "https://example.org/inner"}, url="https://example.org/o")
    made = apply_plan(outer, setting(inner))
    assert made["instantiatesCanonical"] == ["https://example.org/o", "https://example.org/inner"]
    assert [each["detail"]["description"] for each in made["activity"]] == ["Inner"]
    endless = plan({"definitionCanonical": "https://example.org/e"}, url="https://example.org/e")
    with pytest.raises(UnprocessableError):
        apply_plan(endless, setting(endless))


@pytest.mark.parametrize(
    ("action", "where"),
    [
        (
            {
                "condition": [
                    {"kind": "applicability", "expression": expression("true", "text/cql")}
                ]
            },
            "PlanDefinition.action[0].condition[0].expression",
        ),
        (
            {"definitionCanonical": "https://example.org/none"},
            "PlanDefinition.action[0].definitionCanonical",
        ),
        ({"transform": "https://example.org/map"}, "PlanDefinition.action[0].transform"),
    ],
)
def test_what_cannot_be_applied_is_named(action: dict[str, Any], where: str) -> None:
    with pytest.raises(UnprocessableError) as refused:
        apply_plan(plan(action), setting())
    assert refused.value.issues[0].expression == where


def test_a_kind_that_is_not_made_here_names_those_that_are() -> None:
    with pytest.raises(UnprocessableError, match="MedicationRequest, ServiceRequest, Task"):
        apply_activity(WALK | {"kind": "NutritionOrder"}, setting())
