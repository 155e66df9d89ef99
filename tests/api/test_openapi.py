"""The OpenAPI document says what is routed, all of it and nothing else."""

import gzip
import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from fhir.registry import PRIMITIVES, SUPPORTED_TYPES
from hub.api.operations import ENDPOINTS
from hub.api.served import REFUSING
from hub.api.writes import WRITTEN_ONCE

Json = dict[str, Any]
METHODS = {"get", "put", "post", "delete", "patch"}
EXAMPLES = {"version": "1", "type": "Task", "compartment": "Patient"}


@pytest.fixture
def document(client: FlaskClient) -> Json:
    found: Json = client.get("/fhir/openapi.json").get_json()
    return found


def operations(document: Json) -> list[tuple[str, str, Json]]:
    return [
        (path, method, item[method])
        for path, item in document["paths"].items()
        for method in METHODS & item.keys()
    ]


def filled(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda name: EXAMPLES.get(name[1], "x"), path)


def routed(app: Flask, document: Json) -> set[tuple[str, str, str | None]]:
    """Give (endpoint, method, type) of every operation; a path without a route raises."""
    adapter = app.url_map.bind("example.org")
    found = set()
    for path, method, _ in operations(document):
        address = filled(path)
        endpoint, _arguments = adapter.match(address, method.upper())
        first = address.split("/")[2:3]
        kind = first[0] if first and first[0] in SUPPORTED_TYPES else None
        found.add((str(endpoint), method.upper(), kind))
    return found


def test_the_document_is_openapi_3_1(document: Json) -> None:
    assert document["openapi"].startswith("3.1.")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_route_stands_in_the_document_and_nothing_else(app: Flask, document: Json) -> None:
    found = routed(app, document)
    expected = {
        (str(rule.endpoint), method)
        for rule in app.url_map.iter_rules()
        if rule.rule == "/fhir" or rule.rule.startswith("/fhir/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint not in REFUSING
    }
    assert {(endpoint, method) for endpoint, method, _ in found} == expected


def test_what_is_routed_for_every_type_stands_there_for_each(app: Flask, document: Json) -> None:
    by_type = {
        kind: {
            (endpoint, method) for endpoint, method, each in routed(app, document) if each == kind
        }
        for kind in SUPPORTED_TYPES
    }
    of_all = {
        (str(rule.endpoint), method)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/fhir/<fhirtype:resource_type>")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint not in REFUSING
    }
    changes = {pair for pair in of_all if re.search(r"\.(update|delete|patch)", pair[0])}
    assert changes
    for kind, found in by_type.items():
        assert of_all - found == (changes if kind in WRITTEN_ONCE else set())


@pytest.mark.parametrize("endpoint", sorted(REFUSING))
def test_what_is_left_out_only_refuses(
    app: Flask, client: FlaskClient, token: str, endpoint: str
) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint]
    assert rules
    for rule in rules:
        address = re.sub(r"<(\w+:)?name>", "no-such-operation", rule.rule)
        address = address.replace("<fhirtype:resource_type>", "Patient")
        address = address.replace("<fhirid:record_id>", "x")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = client.open(
                address, method=method, headers={"Authorization": f"Bearer {token}"}
            )
            assert answer.status_code in {404, 405}, (method, address)


def test_operations_have_names_of_their_own_and_say_what_can_be_refused(document: Json) -> None:
    found = operations(document)
    names = [each["operationId"] for _, _, each in found]
    assert len(set(names)) == len(names)
    for path, method, each in found:
        assert {"400", "401", "403", "406", "429", "503"} <= each["responses"].keys(), path
        if "{id}" in path and method in {"put", "patch"}:
            assert {"409", "412", "415", "422"} <= each["responses"].keys(), path
    assert document["security"] == [{"bearer": []}]
    assert [path for path, _, each in found if each.get("security") == []] == [
        "/fhir/metadata",
        "/fhir/openapi.json",
    ]


def test_search_parameters_have_their_kind_and_modifiers(document: Json) -> None:
    shared = document["components"]["parameters"]
    listed = [
        shared[each["$ref"].rpartition("/")[2]]
        for each in document["paths"]["/fhir/Patient"]["get"]["parameters"]
    ]
    found = {each["name"]: each for each in listed}
    assert found["family"]["schema"]["items"] == {"$ref": "#/components/schemas/search.string"}
    assert found["family"]["x-modifiers"] == ["missing", "exact", "contains"]
    assert found["birthdate"]["schema"]["items"] == {"$ref": "#/components/schemas/search.date"}
    assert found["general-practitioner"]["x-modifiers"][:2] == ["missing", "identifier"]
    assert found["general-practitioner"]["x-modifiers"][-1] == "[type]"
    assert found["_total"]["schema"]["enum"] == ["none", "estimate", "accurate"]
    assert found["Prefer"]["in"] == "header"
    form = document["paths"]["/fhir/Patient/_search"]["post"]["requestBody"]["content"]
    properties = form["application/x-www-form-urlencoded"]["schema"]["properties"]
    assert {each for each in found if each != "Prefer"} == properties.keys()


def test_every_operation_of_the_hub_stands_there_with_its_parameters(
    app: Flask, document: Json
) -> None:
    adapter = app.url_map.bind("example.org")
    seen = set()
    for path, method, each in operations(document):
        endpoint, _arguments = adapter.match(filled(path), method.upper())
        if endpoint not in ENDPOINTS:
            continue
        declared = ENDPOINTS[endpoint]
        seen.add(declared)
        assert method.upper() in declared.allowed
        if method == "post":
            assert "$ref" in str(each["requestBody"]["content"]["application/fhir+json"])
        else:
            simple = {
                parameter.name
                for parameter in declared.parameters
                if parameter.use == "in" and parameter.type in PRIMITIVES
            }
            assert {one["name"] for one in each.get("parameters", ()) if "name" in one} == simple
    assert seen == {*ENDPOINTS.values()}
    assert "post" in document["paths"]["/fhir/$process-message"]


def test_the_document_is_public_cached_and_packed_on_request(client: FlaskClient) -> None:
    plain = client.get("/fhir/openapi.json")
    packed = client.get("/fhir/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert json.loads(gzip.decompress(packed.data)) == plain.get_json()
    assert len(packed.data) < 250_000
    again = client.get("/fhir/openapi.json", headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get("/fhir/openapi.json?x=1").status_code == 400
