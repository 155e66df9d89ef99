"""Token modifiers that need the terminology: ``:in``, ``:not-in``, ``:above``, ``:below``."""

from pathlib import Path
from typing import Any

import pytest

from fhir.terminology import compose
from hub.domain.actor import hub_actor
from hub.services import snomed_releases
from hub.transaction import transaction
from tests import rf2
from tests.api.terminology import FRUIT, FRUIT_SET, FRUIT_SYSTEM, FRUIT_VALUE_SET, Asker, fault

SCT = "http://snomed.info/sct"


@pytest.fixture
def conditions(fruit: Asker) -> Asker:
    """Keep a Condition for each of some codes, told apart by their text."""
    for text, listed in {
        "apple": [(FRUIT, "apple")],
        "strawberry": [(FRUIT, "strawberry")],
        "elsewhere": [("https://example.org/other", "apple")],
        "none": [],
        "both": [("https://example.org/other", "x"), (FRUIT, "berry")],
    }.items():
        code: dict[str, Any] = {"text": text}
        if listed:
            code["coding"] = [{"system": system, "code": each} for system, each in listed]
        fruit.keep(
            {
                "resourceType": "Condition",
                "code": code,
                "subject": {"display": "somebody"},
            }
        )
    return fruit


def search(ask: Asker, name: str, value: str) -> set[str]:
    answered = ask.client.get("/fhir/Condition", query_string={name: value}, headers=ask.headers)
    assert answered.status_code == 200, answered.get_json()
    return {e["resource"]["code"]["text"] for e in answered.get_json().get("entry", ())}


def refusal(ask: Asker, name: str, value: str) -> tuple[int, str, str]:
    answered = ask.client.get("/fhir/Condition", query_string={name: value}, headers=ask.headers)
    return answered.status_code, *fault(answered.get_json())


def test_in_finds_codes_of_the_value_set_with_their_system(conditions: Asker) -> None:
    assert search(conditions, "code:in", FRUIT_SET) == {"apple", "strawberry", "both"}
    assert search(conditions, "code:in", f"{FRUIT_SET}|1.0") == {"apple", "strawberry", "both"}


def test_not_in_finds_everything_else_and_what_has_no_code(conditions: Asker) -> None:
    assert search(conditions, "code:not-in", FRUIT_SET) == {"elsewhere", "none"}


def test_a_value_set_may_be_named_by_its_id(conditions: Asker) -> None:
    one = {"include": [{"system": FRUIT, "concept": [{"code": "apple"}]}]}
    record_id = conditions.keep(FRUIT_VALUE_SET | {"url": "https://example.org/1", "compose": one})

    assert search(conditions, "code:in", f"ValueSet/{record_id}") == {"apple"}
    both = f"ValueSet/{record_id},https://example.org/1"
    assert search(conditions, "code:in", both) == {"apple"}


def test_below_finds_what_a_code_subsumes_and_itself(conditions: Asker) -> None:
    assert search(conditions, "code:below", f"{FRUIT}|berry") == {"strawberry", "both"}
    assert search(conditions, "code:below", f"{FRUIT}|fruit") == {"apple", "strawberry", "both"}


def test_above_finds_what_subsumes_a_code_and_itself(conditions: Asker) -> None:
    assert search(conditions, "code:above", f"{FRUIT}|strawberry") == {"strawberry", "both"}
    assert search(conditions, "code:above", f"{FRUIT}|apple,{FRUIT}|berry") == {"apple", "both"}


def test_an_empty_value_set_has_nothing_in_it(conditions: Asker) -> None:
    nothing = {"include": [{"system": FRUIT, "concept": [{"code": "pear"}]}]}
    conditions.keep(FRUIT_VALUE_SET | {"url": "https://example.org/0", "compose": nothing})

    assert search(conditions, "code:in", "https://example.org/0") == set()
    assert len(search(conditions, "code:not-in", "https://example.org/0")) == 5


def test_codes_without_a_system_have_that_of_their_binding(ask: Asker) -> None:
    for gender in ("female", "male"):
        ask.keep({"resourceType": "Patient", "gender": gender})
    for name, value, expected in (
        ("gender:in", "http://hl7.org/fhir/ValueSet/administrative-gender", 2),
        ("gender:not-in", "http://hl7.org/fhir/ValueSet/administrative-gender", 0),
        ("gender:in", "http://hl7.org/fhir/ValueSet/contact-point-use", 0),
        ("gender:below", "male", 1),
        ("gender:above", "http://hl7.org/fhir/administrative-gender|male", 1),
    ):
        answered = ask.client.get(
            "/fhir/Patient", query_string={name: value}, headers=ask.headers
        ).get_json()
        assert answered["total"] == expected, name


def test_a_column_of_its_own_is_searched_by_meaning_too(ask: Asker) -> None:
    for status in ("requested", "completed"):
        ask.keep({"resourceType": "Task", "status": status, "intent": "order"})
    open_ones = {
        "resourceType": "ValueSet",
        "url": "https://example.org/open",
        "status": "active",
        "compose": {
            "include": [
                {
                    "system": "http://hl7.org/fhir/task-status",
                    "concept": [{"code": "requested"}, {"code": "draft"}],
                }
            ]
        },
    }
    ask.keep(open_ones)
    answered = ask.client.get(
        "/fhir/Task", query_string={"status:in": "https://example.org/open"}, headers=ask.headers
    ).get_json()

    assert [entry["resource"]["status"] for entry in answered["entry"]] == ["requested"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (f"code in {FRUIT_SET}", {"apple", "strawberry", "both"}),
        (f"code ni {FRUIT_SET}", {"elsewhere", "none"}),
        (f"code ss {FRUIT}|berry", {"strawberry", "both"}),
        (f"code sb {FRUIT}|strawberry", {"strawberry", "both"}),
        (f"code in {FRUIT_SET} and not (code ss {FRUIT}|berry)", {"apple"}),
    ],
)
def test_filters_ask_the_same(conditions: Asker, expression: str, expected: set[str]) -> None:
    assert search(conditions, "_filter", expression) == expected


def test_chains_take_the_modifiers(conditions: Asker) -> None:
    person = conditions.keep({"resourceType": "Patient", "gender": "male"})
    conditions.keep(
        {
            "resourceType": "Condition",
            "code": {"text": "theirs", "coding": [{"system": FRUIT, "code": "apple"}]},
            "subject": {"reference": f"Patient/{person}"},
        }
    )
    gender = "http://hl7.org/fhir/ValueSet/administrative-gender"
    assert search(conditions, "subject:Patient.gender:in", gender) == {"theirs"}
    answered = conditions.client.get(
        "/fhir/Patient",
        query_string={"_has:Condition:subject:code:below": f"{FRUIT}|fruit"},
        headers=conditions.headers,
    ).get_json()
    assert [entry["resource"]["id"] for entry in answered["entry"]] == [person]


def test_snomed_ct_is_searched_by_hierarchy_and_by_implicit_value_sets(
    ask: Asker, tmp_path: Path
) -> None:
    with transaction():
        snomed_releases.load(hub_actor("test"), rf2.fruit().write(tmp_path))
    for name in ("apple", "strawberry", "red"):
        ask.keep(
            {
                "resourceType": "Condition",
                "code": {"text": name, "coding": [{"system": SCT, "code": rf2.ID[name]}]},
                "subject": {"display": "somebody"},
            }
        )
    fruit, red = rf2.ID["fruit"], rf2.ID["red"]

    assert search(ask, "code:below", f"{SCT}|{fruit}") == {"apple", "strawberry"}
    assert search(ask, "code:above", f"{SCT}|{rf2.ID['strawberry']}") == {"strawberry", "red"}
    assert search(ask, "code:in", f"{SCT}?fhir_vs=isa/{red}") == {"strawberry", "red"}
    # A comma and a pipe of an expression are escaped, as in every value of a search.
    expression = f"<< {fruit} \\|Fruit\\| \\, << {red}"
    assert search(ask, "code:in", f"{SCT}?fhir_vs=ecl/{expression}") == {"strawberry"}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("code:in", "https://example.org/nope", (400, "not-found", "https://example.org/nope")),
        ("code:not-in", "ValueSet/nope", (400, "not-found", "ValueSet/nope")),
        ("code:in", "http://hl7.org/fhir/ValueSet/body-site", (400, "not-found", SCT)),
        ("code:below", "https://example.org/nope|a", (400, "not-found", "example.org/nope")),
        ("code:above", f"{FRUIT}|pear", (400, "code-invalid", "no code pear")),
        ("code:below", "apple", (400, "value", "code:below is system|code")),
        ("code:below", f"{FRUIT}|", (400, "value", "code:below is system|code")),
        ("identifier:in", FRUIT_SET, (400, "not-supported", "in is not a modifier of identifier")),
        ("code:within", FRUIT_SET, (400, "not-supported", "above, below")),
    ],
)
def test_what_cannot_be_searched_is_refused_by_name(
    fruit: Asker, name: str, value: str, expected: tuple[int, str, str]
) -> None:
    status, code, words = refusal(fruit, name, value)

    assert (status, code) == expected[:2]
    assert expected[2] in words


def test_too_many_codes_are_too_costly(fruit: Asker) -> None:
    url = "https://example.org/CodeSystem/many"
    below = [{"code": f"c{number}"} for number in range(compose.LIMIT + 1)]
    fruit.keep(FRUIT_SYSTEM | {"url": url, "concept": [{"code": "top", "concept": below}]})
    fruit.keep(
        FRUIT_VALUE_SET
        | {"url": "https://example.org/many", "compose": {"include": [{"system": url}]}}
    )

    assert refusal(fruit, "code:in", "https://example.org/many")[:2] == (422, "too-costly")
    assert refusal(fruit, "code:below", f"{url}|top")[:2] == (422, "too-costly")
