"""``CodeSystem/$lookup``, ``$subsumes`` and ``$validate-code`` over HTTP."""

import json
from pathlib import Path
from typing import Any

import pytest

from fhir.validation import validate
from hub.domain.actor import hub_actor
from hub.services import snomed_releases
from hub.transaction import transaction
from tests import rf2
from tests.api.terminology import FRUIT, FRUIT_SYSTEM, Asker, fault, properties, values

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
SCT = "http://snomed.info/sct"


@pytest.fixture
def snomed(ask: Asker, tmp_path: Path) -> Asker:
    with transaction():
        snomed_releases.load(hub_actor("test"), rf2.fruit().write(tmp_path))
    return ask


# $lookup -----------------------------------------------------------------------------------


def test_a_code_is_looked_up_with_everything_that_is_known(fruit: Asker) -> None:
    status, found = fruit.get("CodeSystem/$lookup", system=FRUIT, code="apple")

    assert status == 200
    assert validate(found) == []
    assert values(found) == {"name": "Fruit of the garden", "version": "1.0", "display": "Apple"}
    assert properties(found) == [
        ("url", FRUIT),
        ("definition", "Grows on a tree."),
        ("parent", "fruit"),
        ("weight", 150.5),
    ]
    (designation,) = (each for each in found["parameter"] if each["name"] == "designation")
    assert designation["part"] == [
        {"name": "language", "valueCode": "de"},
        {"name": "value", "valueString": "Apfel"},
    ]


@pytest.mark.parametrize(
    ("wanted", "expected", "designations"),
    [
        ("parent", [("parent", "fruit")], 0),
        ("weight", [("weight", 150.5)], 0),
        ("designation", [], 1),
        ("lang.de", [], 1),
        ("lang.fr", [], 0),
        ("definition", [("definition", "Grows on a tree.")], 0),
    ],
)
def test_only_the_properties_that_are_asked_for_come(
    fruit: Asker, wanted: str, expected: list[tuple[str, Any]], designations: int
) -> None:
    _, found = fruit.get("CodeSystem/$lookup", system=FRUIT, code="apple", property=wanted)

    assert properties(found) == expected
    assert sum(each["name"] == "designation" for each in found["parameter"]) == designations


def test_children_and_inactive_codes_are_told(fruit: Asker) -> None:
    _, berry = fruit.get("CodeSystem/$lookup", system=FRUIT, code="berry")
    _, medlar = fruit.get("CodeSystem/$lookup", system=FRUIT, code="medlar")
    _, german = fruit.post(
        "CodeSystem/$lookup",
        {"name": "coding", "valueCoding": {"system": FRUIT, "code": "apple"}},
        {"name": "displayLanguage", "valueCode": "de"},
    )

    assert ("child", "strawberry") in properties(berry)
    assert ("inactive", True) in properties(medlar)
    assert values(german)["display"] == "Apfel"


def test_a_decimal_keeps_its_digits(ask: Asker) -> None:
    text = json.dumps(FRUIT_SYSTEM).replace("150.5", "150.500")
    assert ask.client.post("/fhir/CodeSystem", data=text, headers=ask.headers).status_code == 201

    answered = ask.client.get(
        "/fhir/CodeSystem/$lookup",
        query_string={"system": FRUIT, "code": "apple"},
        headers=ask.headers,
    )

    assert '"valueDecimal":150.500' in answered.get_data(as_text=True)


def test_hl7s_own_code_systems_are_looked_up(ask: Asker) -> None:
    _, found = ask.get("CodeSystem/$lookup", system=ACT_CODE, code="AMB")

    assert values(found)["display"] == "ambulatory"
    assert ("parent", "_ActEncounterCode") in properties(found)


@pytest.mark.parametrize(
    ("query", "status", "code", "words"),
    [
        ({"system": ACT_CODE, "code": "NOPE"}, 404, "not-found", "has no code NOPE"),
        ({"system": "https://example.org/x", "code": "a"}, 404, "not-found", "example.org/x"),
        ({"system": SCT, "code": "138875005"}, 404, "not-found", SCT),
        ({"system": ACT_CODE, "version": "1", "code": "AMB"}, 404, "not-found", "v3-ActCode|1"),
        ({"system": ACT_CODE}, 400, "required", "code, coding"),
        ({"code": "AMB"}, 400, "invalid", "system is missing"),
        ({"system": ACT_CODE, "code": "AMB", "colour": "x"}, 400, "invalid", "colour"),
    ],
)
def test_what_cannot_be_looked_up_is_refused_by_name(
    ask: Asker, query: dict[str, str], status: int, code: str, words: str
) -> None:
    answered = ask.get("CodeSystem/$lookup", **query)

    assert answered[0] == status
    assert fault(answered[1])[0] == code
    assert words in fault(answered[1])[1]


def test_a_coding_says_everything_itself(ask: Asker) -> None:
    coding = {"name": "coding", "valueCoding": {"system": ACT_CODE, "code": "AMB"}}

    assert ask.post("CodeSystem/$lookup", coding)[0] == 200
    for extra in (
        {"name": "system", "valueUri": ACT_CODE},
        {"name": "version", "valueString": "1"},
        {"name": "code", "valueCode": "AMB"},
    ):
        assert ask.post("CodeSystem/$lookup", coding, extra)[0] == 400
    for wrong in ({"code": "AMB"}, {"system": ACT_CODE}, {"system": 1, "code": "AMB"}, "AMB"):
        status, _ = ask.post("CodeSystem/$lookup", {"name": "coding", "valueCoding": wrong})
        assert status == 400


def test_snomed_ct_is_looked_up_in_the_release(snomed: Asker) -> None:
    _, found = snomed.get("CodeSystem/$lookup", system=SCT, code=rf2.ID["strawberry"])

    assert values(found) == {
        "name": "SNOMED CT",
        "version": "http://snomed.info/sct/900000000000207008/version/20260401",
        "display": "Strawberry in Britain",
    }
    told = properties(found)
    assert ("parent", rf2.ID["berry"]) in told
    assert ("parent", rf2.ID["red"]) in told
    assert ("sufficientlyDefined", True) in told
    assert sum(each["name"] == "designation" for each in found["parameter"]) == 3


# $subsumes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "outcome"),
    [
        ("fruit", "strawberry", "subsumes"),
        ("strawberry", "fruit", "subsumed-by"),
        ("apple", "apple", "equivalent"),
        ("apple", "berry", "not-subsumed"),
    ],
)
def test_codes_stand_to_each_other(fruit: Asker, a: str, b: str, outcome: str) -> None:
    record_id = fruit.keep(FRUIT_SYSTEM)
    by_code = fruit.get("CodeSystem/$subsumes", system=FRUIT, codeA=a, codeB=b)
    by_coding = fruit.post(
        "CodeSystem/$subsumes",
        {"name": "codingA", "valueCoding": {"system": FRUIT, "code": a}},
        {"name": "codingB", "valueCoding": {"system": FRUIT, "code": b}},
    )
    by_id = fruit.get(f"CodeSystem/{record_id}/$subsumes", codeA=a, codeB=b)

    for status, found in (by_code, by_coding, by_id):
        assert status == 200
        assert values(found) == {"outcome": outcome}


def test_snomed_ct_subsumes_over_its_hierarchy(snomed: Asker) -> None:
    for a, b, outcome in (
        ("red", "strawberry", "subsumes"),
        ("apple", "thing", "subsumed-by"),
        ("apple", "red", "not-subsumed"),
    ):
        _, found = snomed.get("CodeSystem/$subsumes", system=SCT, codeA=rf2.ID[a], codeB=rf2.ID[b])
        assert values(found) == {"outcome": outcome}


@pytest.mark.parametrize(
    ("query", "status", "code", "words"),
    [
        ({"system": FRUIT, "codeA": "pear", "codeB": "apple"}, 404, "not-found", "no code pear"),
        ({"system": FRUIT, "codeA": "apple", "codeB": "pear"}, 404, "not-found", "no code pear"),
        ({"system": "urn:x", "codeA": "a", "codeB": "b"}, 404, "not-found", "urn:x"),
        ({"codeA": "apple", "codeB": "berry"}, 400, "invalid", "system is missing"),
        ({"system": FRUIT, "codeA": "apple"}, 400, "required", "codeB, codingB"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(
    fruit: Asker, query: dict[str, str], status: int, code: str, words: str
) -> None:
    answered = fruit.get("CodeSystem/$subsumes", **query)

    assert answered[0] == status
    assert fault(answered[1])[0] == code
    assert words in fault(answered[1])[1]


def test_codes_of_two_code_systems_have_no_relationship(fruit: Asker) -> None:
    record_id = fruit.keep(FRUIT_SYSTEM)
    here = {"name": "codingA", "valueCoding": {"system": FRUIT, "code": "apple"}}
    there = {"name": "codingB", "valueCoding": {"system": ACT_CODE, "code": "AMB"}}
    same = {"name": "codingA", "valueCoding": {"system": ACT_CODE, "code": "AMB"}}

    status, found = fruit.post("CodeSystem/$subsumes", here, there)
    other, _ = fruit.post(f"CodeSystem/{record_id}/$subsumes", same, there)

    assert (status, fault(found)[0]) == (400, "value")
    assert other == 400


# $validate-code ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "result", "message"),
    [
        ({"code": "apple"}, True, None),
        ({"code": "apple", "display": "Apple"}, True, None),
        ({"code": "apple", "display": "Pear"}, False, "it is Apple"),
        ({"code": "pear"}, False, f"{FRUIT}|1.0 has no code pear"),
        ({"code": "Apple"}, False, "has no code Apple"),
        ({"code": "fruit", "abstract": "false"}, False, "abstract"),
        ({"code": "apple", "version": "1.0"}, True, None),
    ],
)
def test_a_code_system_has_a_code_or_not(
    fruit: Asker, query: dict[str, str], result: bool, message: str | None
) -> None:
    status, found = fruit.get("CodeSystem/$validate-code", url=FRUIT, **query)

    assert status == 200
    assert values(found)["result"] is result
    assert (message or "") in values(found).get("message", "")


def test_a_code_system_is_named_by_url_by_id_by_itself_or_by_the_coding(fruit: Asker) -> None:
    record_id = fruit.keep(FRUIT_SYSTEM)
    coding = {"name": "coding", "valueCoding": {"system": FRUIT, "code": "apple"}}
    url = {"name": "url", "valueUri": f"{FRUIT}|1.0"}
    itself = {"name": "codeSystem", "resource": FRUIT_SYSTEM}
    operation = "CodeSystem/$validate-code"

    for status, found in (
        fruit.post(operation, url, coding),
        fruit.post(operation, itself, coding),
        fruit.post(operation, coding),
        fruit.post(f"CodeSystem/{record_id}/$validate-code", coding),
        fruit.get(f"CodeSystem/{record_id}/$validate-code", code="apple"),
    ):
        assert status == 200
        assert values(found) == {"result": True, "display": "Apple"}


def test_a_coding_of_another_code_system_is_not_of_this_one(fruit: Asker) -> None:
    other = {"name": "coding", "valueCoding": {"system": ACT_CODE, "code": "AMB"}}
    status, found = fruit.post(
        "CodeSystem/$validate-code", {"name": "url", "valueUri": FRUIT}, other
    )

    assert status == 200
    assert values(found)["result"] is False
    assert "is not of the code system" in values(found)["message"]


@pytest.mark.parametrize(
    ("query", "status", "code", "words"),
    [
        ({"url": "urn:x", "code": "a"}, 404, "not-found", "urn:x"),
        ({"url": FRUIT, "version": "7", "code": "a"}, 404, "not-found", f"{FRUIT}|7"),
        ({"code": "a"}, 400, "required", "url, codeSystem"),
        ({"url": FRUIT}, 400, "required", "code, coding, codeableConcept"),
    ],
)
def test_a_code_that_cannot_be_checked_is_refused_by_name(
    fruit: Asker, query: dict[str, str], status: int, code: str, words: str
) -> None:
    answered = fruit.get("CodeSystem/$validate-code", **query)

    assert answered[0] == status
    assert fault(answered[1])[0] == code
    assert words in fault(answered[1])[1]


def test_a_code_system_without_its_codes_is_not_held(ask: Asker) -> None:
    empty = {name: value for name, value in FRUIT_SYSTEM.items() if name != "concept"}
    record_id = ask.keep(empty | {"content": "not-present"})

    by_url = ask.get("CodeSystem/$lookup", system=FRUIT, code="apple")
    by_id = ask.get(f"CodeSystem/{record_id}/$validate-code", code="apple")

    assert (by_url[0], fault(by_url[1])[0]) == (404, "not-found")
    assert (by_id[0], fault(by_id[1])[0]) == (404, "not-found")


def test_a_part_of_a_code_system_says_so(ask: Asker) -> None:
    ask.keep(FRUIT_SYSTEM | {"content": "fragment"})

    _, found = ask.get("CodeSystem/$validate-code", url=FRUIT, code="pear")

    assert "only a part of it is held here" in values(found)["message"]


def test_an_operation_at_the_wrong_place_is_unknown(ask: Asker) -> None:
    assert ask.get("ValueSet/$lookup")[0] == 404
    assert ask.get("CodeSystem/$expand")[0] == 404
    assert ask.get("Patient/$validate-code")[0] == 404
    status, found = ask.get("OperationDefinition/CodeSystem-validate-code")
    assert (status, found["code"], found["resource"]) == (200, "validate-code", ["CodeSystem"])
    assert found["base"] == "http://hl7.org/fhir/OperationDefinition/CodeSystem-validate-code"
