"""Schemathesis asks what the OpenAPI document allows, and some of what it forbids.

The same questions in every run: a hub's tests say the same of the same commit. It makes addresses
and headers; the bodies are ours (here and in test_strange_bodies.py), because R4's types refer to
one another so much that it needs minutes to make one up.
"""

from functools import cache
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.result import Ok

from fhir.registry import SUPPORTED_TYPES
from tests.api.refusals import assert_refusal
from tests.api.smallest import smallest

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DEEP = ("AuditEvent", "CarePlan", "Patient", "system")
"""Tags whose operations are asked more often; the types are alike."""


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Send JSON only: nothing can be made up from a schema of JSON for the XML."""
    for item in raw_schema["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict):
                forms = operation.get("requestBody", {}).get("content", {})
                forms.pop("application/fhir+xml", None)
                if "application/json-patch+json" in forms:
                    forms.pop("application/fhir+json")


@cache
def operations(app: Flask) -> list[Any]:
    schema = schemathesis.openapi.from_wsgi("/fhir/openapi.json", app)
    found = []
    for each in schema.get_all_operations():
        assert isinstance(each, Ok), each
        found.append(each.ok())
    return found


def tagged(app: Flask, tag: str) -> list[Any]:
    found = [each for each in operations(app) if tag in each.definition.raw["tags"]]
    assert found
    return found


def body_of(operation: Any, tag: str) -> dict[str, Any]:
    """Return a body that is right for the operation, for ``as_strategy``."""
    if not operation.body:
        return {}
    if operation.method.lower() == "patch":
        return {"body": []}
    if operation.path.endswith("/_search"):
        return {"body": {"_count": "1", "_id": "x"}}
    if "$" in operation.path:
        return {"body": {"resourceType": "Parameters"}}
    if tag == "system":
        return {"body": {"resourceType": "Bundle", "type": "batch"}}
    return {"body": smallest(tag)}


def ask(operation: Any, tag: str, token: str, mode: GenerationMode, times: int) -> None:
    """Send made-up requests and hold every answer against the document."""

    @settings(
        max_examples=times,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy(mode, **body_of(operation, tag)))
    def once(case: Any) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {token}"})
        headers = {name.lower(): values[0] for name, values in answer.headers.items()}
        if answer.status_code >= 400:
            assert_refusal(
                answer.status_code,
                headers["content-type"],
                headers.get("x-request-id"),
                answer.content,
            )
        if answer.content or answer.status_code in {204, 304}:
            case.validate_response(answer, checks=CHECKS)
        else:
            # Prefer: return=minimal.
            assert headers["etag"]
            assert headers["location"]

    once()


@pytest.mark.parametrize("tag", ["system", *SUPPORTED_TYPES])
def test_what_the_document_allows_is_answered_as_it_says(app: Flask, token: str, tag: str) -> None:
    for operation in tagged(app, tag):
        ask(operation, tag, token, GenerationMode.POSITIVE, 8 if tag in DEEP else 2)


@pytest.mark.parametrize("tag", ["Task", "system"])
def test_what_the_document_forbids_is_refused_in_its_words(
    app: Flask, token: str, tag: str
) -> None:
    for operation in tagged(app, tag):
        ask(operation, tag, token, GenerationMode.NEGATIVE, 6)
