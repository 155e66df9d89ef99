"""The CapabilityStatement promises what is there: everything that it says is tried."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir.registry import SUPPORTED_TYPES
from fhir.registry.search_parameters import search_parameters
from fhir.search.parameter import modifiers_of
from fhir.validation import validate
from hub.api.operations import OPERATIONS
from tests.api.smallest import smallest

Json = dict[str, Any]

ABSENT = {404, 405, 501}
"""Answers that say: there is no such interaction here."""

VALUES = {
    "token": "http://example.org|x",
    "reference": "x",
    "string": "x",
    "uri": "http://example.org/x",
    "date": "ge2026-01-01",
    "number": "1",
    "quantity": "1|http://unitsofmeasure.org|kg",
}
RESULT = {
    "_filter": "_id eq x",
    "_list": "x",
    "_type": "Patient",
    "_contained": "false",
    "_count": "1",
    "_elements": "id",
    "_sort": "_id",
    "_summary": "data",
    "_total": "none",
}


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


@pytest.fixture
def statement(client: FlaskClient) -> Json:
    found: Json = client.get("/fhir/metadata").get_json()
    return found


def stated(statement: Json, kind: str) -> Json:
    return next(each for each in statement["rest"][0]["resource"] if each["type"] == kind)


def test_the_statement_is_valid_r4(client: FlaskClient, statement: Json) -> None:
    assert validate(statement) == []
    assert (statement["kind"], statement["fhirVersion"]) == ("instance", "4.0.1")
    assert statement["date"]
    assert "application/fhir+json" in statement["format"]
    assert [each["type"] for each in statement["rest"][0]["resource"]] == list(SUPPORTED_TYPES)
    assert validate(client.get("/fhir/metadata?mode=terminology").get_json()) == []


@pytest.mark.parametrize("kind", SUPPORTED_TYPES)
def test_each_interaction_with_a_type_does_what_it_says(
    client: FlaskClient, headers: dict[str, str], statement: Json, kind: str
) -> None:
    said = stated(statement, kind)
    codes = [each["code"] for each in said["interaction"]]
    body = json.dumps(smallest(kind) | {"id": "made"})
    condition = "_tag=http://example.org|none"

    created = client.post(f"/fhir/{kind}", data=body, headers=headers)
    assert (created.status_code, "create" in codes) == (201, True), created.text
    address = f"/fhir/{kind}/{created.get_json()['id']}"
    newest = {**headers, "If-Match": created.headers["ETag"]}
    tried = {
        "read": client.get(address, headers=headers),
        "vread": client.get(f"{address}/_history/1", headers=headers),
        "history-instance": client.get(f"{address}/_history", headers=headers),
        "history-type": client.get(f"/fhir/{kind}/_history", headers=headers),
        "search-type": client.get(f"/fhir/{kind}", headers=headers),
        "update": client.put(address, data=created.data, headers=newest),
        "patch": client.patch(
            address, data="[]", headers=headers | {"Content-Type": "application/json-patch+json"}
        ),
        "delete": client.delete(address, headers=headers),
    }
    for code, answer in tried.items():
        if code in codes:
            assert answer.status_code not in ABSENT, (code, answer.text)
        else:
            assert answer.status_code in ABSENT, (code, answer.text)
    assert codes == [code for code in codes if code in {"create", *tried}]

    made = client.put(f"/fhir/{kind}/made", data=body, headers=headers)
    assert (made.status_code == 201) is said["updateCreate"], made.text
    again = client.post(
        f"/fhir/{kind}", data=body, headers={**headers, "If-None-Exist": "_id=made"}
    )
    assert said["conditionalCreate"] is True
    assert again.status_code == (200 if said["updateCreate"] else 201)
    unnamed = json.dumps(smallest(kind))
    put = client.put(f"/fhir/{kind}?{condition}", data=unnamed, headers=headers)
    assert (put.status_code == 201) is said["conditionalUpdate"], put.text
    removed = client.delete(f"/fhir/{kind}?{condition}", headers=headers)
    assert (removed.status_code == 204) is (said["conditionalDelete"] == "single"), removed.text
    assert said["conditionalRead"] == "full-support"
    current = (
        again if not said["updateCreate"] else client.get(f"/fhir/{kind}/made", headers=headers)
    )
    known = client.get(
        f"/fhir/{kind}/{current.get_json()['id']}",
        headers={**headers, "If-None-Match": current.headers["ETag"]},
    )
    assert known.status_code == 304


@pytest.mark.parametrize("kind", SUPPORTED_TYPES)
def test_an_update_needs_if_match_where_the_statement_says_so(
    client: FlaskClient, headers: dict[str, str], statement: Json, kind: str
) -> None:
    said = stated(statement, kind)
    if not said["updateCreate"]:
        assert "update" not in [each["code"] for each in said["interaction"]]
        return
    body = json.dumps(smallest(kind) | {"id": "x"})
    assert client.put(f"/fhir/{kind}/x", data=body, headers=headers).status_code == 201
    blind = client.put(f"/fhir/{kind}/x", data=body, headers=headers)
    assert blind.status_code == (400 if said["versioning"] == "versioned-update" else 200)


def plausible(kind: str, code: str, type_: str) -> str:
    if code in RESULT:
        return RESULT[code]
    parameter = search_parameters(kind)[code]
    if type_ == "composite":
        return "$".join(VALUES[each.kind] for each in parameter.components)
    if type_ == "special":
        return {"near": "51.5|0.7|10|km"}.get(code, "x")
    return VALUES[type_]


@pytest.mark.parametrize("kind", SUPPORTED_TYPES)
def test_each_search_parameter_and_include_is_taken(
    client: FlaskClient, headers: dict[str, str], statement: Json, kind: str
) -> None:
    said = stated(statement, kind)
    tried: list[tuple[str, str]] = []
    for each in said["searchParam"]:
        name, type_ = each["name"], each["type"]
        if name in {"_include", "_revinclude"}:
            tried.append((name, f"{kind}:*" if name == "_include" else said["searchRevInclude"][0]))
        elif name == "_has":
            source, _, code = said["searchRevInclude"][0].partition(":")
            tried.append((f"_has:{source}:{code}:_id", "x"))
        else:
            tried.append((name, plausible(kind, name, type_)))
            if name not in RESULT:
                tried += [
                    (f"{name}:{modifier}", "true" if modifier == "missing" else "http://a.b|x|y")
                    for modifier in modifiers_of(search_parameters(kind)[name])
                    if modifier in {"missing", "exact", "contains", "text", "of-type"}
                ]
    tried += [("_include", each) for each in said.get("searchInclude", ())]
    tried += [("_revinclude", each) for each in said.get("searchRevInclude", ())]
    refused = []
    for name, value in tried:
        answer = client.get(
            f"/fhir/{kind}",
            query_string={name: value, "_total": "none"} if name != "_total" else {name: value},
            headers=headers,
        )
        if answer.status_code != 200:
            refused.append((name, value, answer.text))
    assert refused == []


EVERY_CODE = sorted({code for kind in SUPPORTED_TYPES for code in search_parameters(kind)})
NEVER = ("_query", "_nothing", "family2", "Family", "_sort2")


@pytest.mark.parametrize("kind", SUPPORTED_TYPES)
def test_what_is_not_stated_is_refused_and_named(
    client: FlaskClient, headers: dict[str, str], statement: Json, kind: str
) -> None:
    said = {each["name"] for each in stated(statement, kind)["searchParam"]}
    others = [code for code in EVERY_CODE if code not in said]
    for name in [*others[:: max(1, len(others) // 25)], *NEVER]:
        answer = client.get(f"/fhir/{kind}?{name}=x", headers=headers)
        assert answer.status_code == 400, name
        assert name in answer.get_json()["issue"][0]["details"]["text"]


def test_each_operation_is_routed_where_it_is_stated(
    client: FlaskClient, headers: dict[str, str], statement: Json
) -> None:
    rest = statement["rest"][0]
    stated_at = {("", each["name"]) for each in rest.get("operation", ())} | {
        (f"/{resource['type']}", each["name"])
        for resource in rest["resource"]
        for each in resource.get("operation", ())
    }
    assert stated_at
    for place, name in stated_at:
        known = [f"{place}/${name}"] if not place else [f"{place}/${name}", f"{place}/x/${name}"]
        answers = [
            client.open(f"/fhir{address}", method=method, headers=headers)
            for address in known
            for method in ("GET", "POST")
        ]
        # It is there by one method at one level at least.
        assert [
            each
            for each in answers
            if each.status_code not in {405, 501} and "there is no operation" not in each.text
        ], (place, name)
    for name in OPERATIONS:
        definition = client.get(f"/fhir/OperationDefinition/{name}", headers=headers).get_json()
        assert validate(definition) == []


def test_each_compartment_is_searched(
    client: FlaskClient, headers: dict[str, str], statement: Json
) -> None:
    stated_there = statement["rest"][0].get("compartment", [])
    for kind in ("Patient", "Practitioner", "Encounter", "Device", "RelatedPerson"):
        canonical = f"http://hl7.org/fhir/CompartmentDefinition/{kind[0].lower()}{kind[1:]}"
        found = client.get(f"/fhir/{kind}/x/Observation", headers=headers)
        assert (found.status_code in {200, 404}) is True
        assert ("Bundle" in found.text) is (canonical in stated_there), found.text


def test_each_interaction_with_the_system_does_what_it_says(
    client: FlaskClient, headers: dict[str, str], statement: Json
) -> None:
    codes = [each["code"] for each in statement["rest"][0]["interaction"]]
    tried = {"history-system": client.get("/fhir/_history", headers=headers)}
    for kind in ("transaction", "batch"):
        body = json.dumps({"resourceType": "Bundle", "type": kind})
        tried[kind] = client.post("/fhir", data=body, headers=headers)
    tried["search-system"] = client.get("/fhir?_type=Patient", headers=headers)
    for each in statement["rest"][0].get("searchParam", ()):
        name = each["name"]
        if name in RESULT:
            found = client.get("/fhir", query_string={name: RESULT[name]}, headers=headers)
            assert found.status_code == 200, found.text
    for code, answer in tried.items():
        assert (answer.status_code == 200) is (code in codes), (code, answer.text)
