"""``ValueSet/$expand`` and ``ValueSet/$validate-code`` over HTTP."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir.terminology import compose
from fhir.validation import validate
from hub.auth import issue_token
from hub.auth.accounts import register_client
from hub.transaction import transaction
from tests.api.terminology import (
    FRUIT,
    FRUIT_SET,
    FRUIT_SYSTEM,
    FRUIT_VALUE_SET,
    Asker,
    codes,
    fault,
    values,
)

GENDER = "http://hl7.org/fhir/ValueSet/administrative-gender"
GENDER_SYSTEM = "http://hl7.org/fhir/administrative-gender"


def test_a_value_set_of_r4_is_expanded_by_its_url(ask: Asker) -> None:
    status, found = ask.get("ValueSet/$expand", url=GENDER)

    assert status == 200
    assert validate(found) == []
    assert codes(found) == ["male", "female", "other", "unknown"]
    assert found["expansion"]["total"] == 4
    assert found["expansion"]["identifier"].startswith("urn:uuid:")
    assert found["expansion"]["parameter"] == [
        {"name": "used-codesystem", "valueUri": f"{GENDER_SYSTEM}|4.0.1"}
    ]
    assert "compose" not in found


def test_a_stored_value_set_is_expanded_by_url_by_id_and_by_itself(fruit: Asker) -> None:
    record_id = fruit.keep(FRUIT_VALUE_SET | {"url": "https://example.org/other"})
    everything = ["fruit", "apple", "berry", "strawberry", "medlar"]

    by_url = fruit.get("ValueSet/$expand", url=f"{FRUIT_SET}|1.0")
    by_id = fruit.get(f"ValueSet/{record_id}/$expand")
    by_itself = fruit.post("ValueSet/$expand", {"name": "valueSet", "resource": FRUIT_VALUE_SET})

    for status, found in (by_url, by_id, by_itself):
        assert status == 200
        assert codes(found) == everything


def test_a_hierarchy_is_nested_unless_that_is_not_wanted(fruit: Asker) -> None:
    _, nested = fruit.get("ValueSet/$expand", url=FRUIT_SET)
    _, flat = fruit.get("ValueSet/$expand", url=FRUIT_SET, excludeNested="true")

    (top,) = nested["expansion"]["contains"]
    assert (top["code"], top["abstract"]) == ("fruit", True)
    assert [each["code"] for each in top["contains"]] == ["apple", "berry", "medlar"]
    assert top["contains"][1]["contains"][0]["code"] == "strawberry"
    assert top["contains"][2]["inactive"] is True
    assert len(flat["expansion"]["contains"]) == nested["expansion"]["total"] == 5


def test_pages_are_flat_and_keep_the_total(fruit: Asker) -> None:
    seen = []
    for offset in range(0, 6, 2):
        _, page = fruit.get("ValueSet/$expand", url=FRUIT_SET, count="2", offset=str(offset))
        assert page["expansion"]["total"] == 5
        assert page["expansion"]["offset"] == offset
        seen += codes(page)
    _, size = fruit.get("ValueSet/$expand", url=FRUIT_SET, count="0")

    assert seen == ["fruit", "apple", "berry", "strawberry", "medlar"]
    assert size["expansion"]["total"] == 5
    assert "contains" not in size["expansion"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"filter": "straw"}, ["strawberry"]),
        ({"filter": "apf"}, ["apple"]),
        ({"filter": "berry"}, ["berry"]),
        ({"activeOnly": "true"}, ["fruit", "apple", "berry", "strawberry"]),
        ({"excludeNotForUI": "true"}, ["apple", "berry", "strawberry", "medlar"]),
        ({"exclude_system": FRUIT}, []),
        ({"exclude_system": f"{FRUIT}|2.0"}, ["fruit", "apple", "berry", "strawberry", "medlar"]),
        ({"system_version": f"{FRUIT}|1.0", "filter": "apple"}, ["apple"]),
        ({"check_system_version": f"{FRUIT}|1.0", "filter": "apple"}, ["apple"]),
    ],
)
def test_what_is_expanded_can_be_narrowed(
    fruit: Asker, query: dict[str, str], expected: list[str]
) -> None:
    status, found = fruit.get("ValueSet/$expand", url=FRUIT_SET, **query)

    assert status == 200
    assert codes(found) == expected
    recorded = {each["name"] for each in found["expansion"].get("parameter", ())}
    assert {name.replace("_", "-") for name in query} <= recorded


def test_words_come_in_other_languages_and_uses(fruit: Asker) -> None:
    apple = {"url": FRUIT_SET, "filter": "apple"}
    _, plain = fruit.get("ValueSet/$expand", **apple)
    _, german = fruit.get("ValueSet/$expand", **apple, displayLanguage="de")
    _, every = fruit.get("ValueSet/$expand", **apple, includeDesignations="true")
    _, french = fruit.get("ValueSet/$expand", **apple, designation="urn:ietf:bcp:47|fr")
    _, named = fruit.get("ValueSet/$expand", **apple, designation="urn:ietf:bcp:47|de")

    def entry(found: dict[str, Any]) -> dict[str, Any]:
        (each,) = found["expansion"]["contains"]
        assert isinstance(each, dict)
        return each

    assert (entry(plain)["display"], "designation" in entry(plain)) == ("Apple", False)
    assert entry(german)["display"] == "Apfel"
    assert entry(every)["designation"] == [{"language": "de", "value": "Apfel"}]
    assert entry(named)["designation"] == [{"language": "de", "value": "Apfel"}]
    assert "designation" not in entry(french)


def test_the_definition_comes_where_it_is_asked_for(fruit: Asker) -> None:
    _, found = fruit.get("ValueSet/$expand", url=FRUIT_SET, includeDefinition="true")

    assert found["compose"] == FRUIT_VALUE_SET["compose"]


def test_a_forced_version_wins_over_the_value_sets_own(fruit: Asker) -> None:
    second = FRUIT_SYSTEM | {"version": "2.0", "concept": [{"code": "pear"}]}
    fruit.keep(second)
    pinned = {"resourceType": "ValueSet", "url": "https://example.org/pinned", "status": "active"}
    fruit.keep(pinned | {"compose": {"include": [{"system": FRUIT, "version": "1.0"}]}})
    where = {"url": "https://example.org/pinned"}

    _, own = fruit.get("ValueSet/$expand", **where)
    _, forced = fruit.get("ValueSet/$expand", **where, force_system_version=f"{FRUIT}|2.0")
    _, newest = fruit.get("ValueSet/$expand", url=FRUIT_SET)
    refused = fruit.get("ValueSet/$expand", **where, check_system_version=f"{FRUIT}|2.0")

    assert len(codes(own)) == 5
    assert codes(forced) == ["pear"]
    # An unversioned include means the newest version that is held.
    assert codes(newest) == ["pear"]
    assert (refused[0], fault(refused[1])[0]) == (422, "business-rule")


def test_a_stored_value_set_wins_over_that_of_the_standard(ask: Asker) -> None:
    own = FRUIT_VALUE_SET | {
        "url": GENDER,
        "version": "9",
        "compose": {"include": [{"system": GENDER_SYSTEM, "concept": [{"code": "other"}]}]},
    }
    record_id = ask.keep(own)

    assert codes(ask.get("ValueSet/$expand", url=GENDER)[1]) == ["other"]
    assert len(codes(ask.get("ValueSet/$expand", url=f"{GENDER}|4.0.1")[1])) == 4
    assert ask.client.delete(f"/fhir/ValueSet/{record_id}", headers=ask.headers).status_code == 204
    assert len(codes(ask.get("ValueSet/$expand", url=GENDER)[1])) == 4


def test_a_retired_version_stands_behind_an_active_one(fruit: Asker) -> None:
    fruit.keep(
        FRUIT_VALUE_SET
        | {"version": "9", "status": "retired", "compose": {"include": [{"system": GENDER_SYSTEM}]}}
    )

    assert "apple" in codes(fruit.get("ValueSet/$expand", url=FRUIT_SET)[1])
    assert "male" in codes(fruit.get("ValueSet/$expand", url=f"{FRUIT_SET}|9")[1])


@pytest.mark.parametrize(
    ("query", "status", "code", "words"),
    [
        ({"url": "https://example.org/nothing"}, 404, "not-found", "example.org/nothing"),
        ({"url": f"{GENDER}|3"}, 404, "not-found", "administrative-gender|3"),
        (
            {"url": "http://hl7.org/fhir/ValueSet/body-site"},
            404,
            "not-found",
            "http://snomed.info/sct is not held",
        ),
        ({}, 400, "required", "exactly one of url, valueSet"),
        ({"url": GENDER, "count": "-1"}, 400, "invalid", "count is a whole number"),
        ({"url": GENDER, "count": "many"}, 400, "invalid", "count is a whole number"),
        ({"url": GENDER, "activeOnly": "yes"}, 400, "invalid", "activeOnly is true or false"),
        ({"url": GENDER, "filter": "x" * 201}, 400, "too-long", "at most 200 characters"),
        ({"url": GENDER, "date": "2020"}, 400, "invalid", "date is no parameter here"),
        ({"url": GENDER, "system_version": "x"}, 400, "value", "system-version is system|version"),
    ],
)
def test_what_cannot_be_expanded_is_refused_by_name(
    ask: Asker, query: dict[str, str], status: int, code: str, words: str
) -> None:
    answered = ask.get("ValueSet/$expand", **query)

    assert answered[0] == status
    assert fault(answered[1])[0] == code
    assert words in fault(answered[1])[1]


def test_a_negative_page_is_refused(ask: Asker) -> None:
    status, found = ask.post(
        "ValueSet/$expand",
        {"name": "url", "valueUri": GENDER},
        {"name": "offset", "valueInteger": -1},
    )

    assert (status, fault(found)) == (400, ("value", "offset is 0 or more"))


def test_the_address_alone_names_the_value_set_of_an_instance(fruit: Asker) -> None:
    record_id = fruit.keep(FRUIT_VALUE_SET)

    assert fruit.get(f"ValueSet/{record_id}/$expand", url=FRUIT_SET)[0] == 400
    assert fruit.get("ValueSet/nowhere/$expand")[0] == 404
    fruit.client.delete(f"/fhir/ValueSet/{record_id}", headers=fruit.headers)
    assert fruit.get(f"ValueSet/{record_id}/$expand")[0] == 410


def test_a_value_set_in_the_request_must_be_legal(ask: Asker) -> None:
    wrong = FRUIT_VALUE_SET | {"compose": {"include": [{"concept": [{"display": "no code"}]}]}}

    status, found = ask.post("ValueSet/$expand", {"name": "valueSet", "resource": wrong})

    assert status == 400
    assert "ValueSet.compose.include[0].concept[0].code" in json.dumps(found)


def test_too_large_an_expansion_is_too_costly(fruit: Asker) -> None:
    many = [{"code": f"c{number}"} for number in range(compose.LIMIT + 1)]
    url = "https://example.org/CodeSystem/many"
    fruit.keep(FRUIT_SYSTEM | {"url": url, "concept": many})
    value_set = FRUIT_VALUE_SET | {"compose": {"include": [{"system": url}]}}
    given = {"name": "valueSet", "resource": value_set}

    status, found = fruit.post("ValueSet/$expand", given)
    narrowed = fruit.post("ValueSet/$expand", given, {"name": "filter", "valueString": "c77"})

    assert (status, fault(found)[0]) == (422, "too-costly")
    # By its code; none has a display.
    assert codes(narrowed[1]) == ["c77"]


def test_value_sets_that_import_one_another_are_refused(ask: Asker) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        ask.keep(
            {
                "resourceType": "ValueSet",
                "url": f"https://example.org/{one}",
                "status": "active",
                "compose": {"include": [{"valueSet": [f"https://example.org/{other}"]}]},
            }
        )

    status, found = ask.get("ValueSet/$expand", url="https://example.org/a")

    assert (status, fault(found)[0]) == (422, "processing")
    assert "https://example.org/a -> https://example.org/b" in fault(found)[1]


@pytest.mark.parametrize(
    ("query", "result", "message", "display"),
    [
        ({"code": "apple"}, True, None, "Apple"),
        ({"code": "apple", "display": "apple"}, True, None, "Apple"),
        ({"code": "apple", "display": "Apfel"}, True, None, "Apple"),
        ({"code": "apple", "display": "Pear"}, False, "it is Apple", "Apple"),
        ({"code": "pear"}, False, f"{FRUIT}|pear is not in the value set {FRUIT_SET}|1.0", None),
        ({"code": "medlar"}, True, "inactive", "Medlar"),
        ({"code": "fruit"}, True, None, "Fruit"),
        ({"code": "fruit", "abstract": "false"}, False, "abstract", "Fruit"),
        ({"code": "apple", "systemVersion": "1.0"}, True, None, "Apple"),
        ({"code": "apple", "systemVersion": "0.9"}, False, "not 0.9", None),
        ({"code": "apple", "displayLanguage": "de"}, True, None, "Apfel"),
    ],
)
def test_a_code_is_in_the_value_set_or_not(
    fruit: Asker, query: dict[str, str], result: bool, message: str | None, display: str | None
) -> None:
    status, found = fruit.get("ValueSet/$validate-code", url=FRUIT_SET, system=FRUIT, **query)

    assert status == 200
    said = values(found)
    assert said["result"] is result
    assert said.get("display") == display
    assert (message or "") in said.get("message", "")
    assert ("message" in said) is (message is not None)


def test_one_good_coding_of_a_concept_is_enough(fruit: Asker) -> None:
    def concept(*listed: str) -> dict[str, Any]:
        codings = [{"system": FRUIT, "code": code} for code in listed]
        return {"name": "codeableConcept", "valueCodeableConcept": {"coding": codings}}

    url = {"name": "url", "valueUri": FRUIT_SET}
    _, good = fruit.post("ValueSet/$validate-code", url, concept("pear", "apple"))
    _, bad = fruit.post("ValueSet/$validate-code", url, concept("pear", "plum"))
    _, single = fruit.post(
        "ValueSet/$validate-code",
        url,
        {"name": "coding", "valueCoding": {"system": FRUIT, "code": "apple", "display": "x"}},
    )

    assert values(good) == {"result": True, "display": "Apple"}
    assert values(bad)["result"] is False
    assert "pear" in values(bad)["message"]
    assert "plum" in values(bad)["message"]
    assert values(single)["result"] is False


@pytest.mark.parametrize(
    ("query", "status", "code", "words"),
    [
        ({"url": "https://example.org/x", "code": "a", "system": "b"}, 404, "not-found", "org/x"),
        ({"url": GENDER, "code": "male"}, 400, "required", "the parameter system"),
        ({"url": GENDER}, 400, "required", "code, coding, codeableConcept"),
        ({"url": GENDER, "coding": "male"}, 400, "invalid", "coding is a Coding"),
        (
            {
                "url": "http://hl7.org/fhir/ValueSet/body-site",
                "code": "1",
                "system": "http://snomed.info/sct",
            },
            404,
            "not-found",
            "http://snomed.info/sct is not held",
        ),
    ],
)
def test_what_cannot_be_checked_is_refused_by_name(
    ask: Asker, query: dict[str, str], status: int, code: str, words: str
) -> None:
    answered = ask.get("ValueSet/$validate-code", **query)

    assert answered[0] == status
    assert fault(answered[1])[0] == code
    assert words in fault(answered[1])[1]


def test_scopes_decide_who_meets_what_clients_stored(fruit: Asker, client: FlaskClient) -> None:
    with transaction():
        register_client("reader", name="Reader", scopes=["system/ValueSet.r", "system/Patient.r"])
    only_sets = {"Authorization": f"Bearer {issue_token('reader', 'system/ValueSet.r', 60)}"}
    none = {"Authorization": f"Bearer {issue_token('reader', 'system/Patient.r', 60)}"}

    def expand(headers: dict[str, str], url: str) -> int:
        return client.get(f"/fhir/ValueSet/$expand?url={url}", headers=headers).status_code

    assert expand(only_sets, GENDER) == 200
    # The value set may be read, the code system that it takes its codes from may not.
    assert expand(only_sets, FRUIT_SET) == 404
    assert expand(none, GENDER) == 403
    assert client.get(f"/fhir/ValueSet/$expand?url={GENDER}").status_code == 401
