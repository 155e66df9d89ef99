"""The CapabilityStatement, generated from the registry that serves the requests.

It cannot promise what is not there. https://hl7.org/fhir/R4/capabilitystatement.html
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from flask import Response, current_app, request

from fhir.registry import SUPPORTED_TYPES
from fhir.registry.search_parameters import SearchParameter, compartments, search_parameters
from fhir.search.parameter import parameter_of
from fhir.search.values import UnknownParameterError
from fhir.subscriptions import TOPIC_CANONICAL, TOPICS
from hub.api import (
    answers,
    negotiation,
    operations,
    patches,
    served,
    site,
    terminology_capabilities,
)
from hub.api.interactions import only
from hub.api.site import blueprint
from hub.api.writes import VERSIONED_UPDATE

PUBLISHED = "2026-11-22"
INSTANTIATES = ("http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data",)
"""Statements of others that this hub fulfils."""

RESULT_PARAMETERS = {
    "_contained": "token",
    "_count": "number",
    "_elements": "string",
    "_filter": "special",
    "_has": "special",
    "_include": "string",
    "_list": "special",
    "_revinclude": "string",
    "_sort": "string",
    "_summary": "token",
    "_total": "token",
}
"""Parameters of every search that are not in the registry of a type."""
SYSTEM_ONLY = {"_type": "special"}


@blueprint.get("/metadata")
def metadata() -> Response:
    negotiation.check_accept()
    only("mode")
    if request.args.get("mode", "full") == "terminology":
        return answers.of_json(terminology_capabilities.statement(_head("terminology")))
    return answers.of_json(statement(site.base()))


def _head(kind: str) -> dict[str, Any]:
    return {
        "status": "active",
        "date": PUBLISHED,
        "publisher": "Carehub",
        "kind": "instance",
        "software": {"name": "Carehub", "version": version("carehub")},
        "implementation": {"description": f"Carehub: {kind} of this hub", "url": site.base()},
    }


@lru_cache(maxsize=8)
def statement(_base: str) -> dict[str, Any]:
    """Return the CapabilityStatement; kept for each address the hub is known by."""
    rest: dict[str, Any] = {
        "mode": "server",
        "documentation": (
            "Unknown search parameters, modifiers and prefixes are refused unless a request "
            "prefers handling=lenient. Results are paged by opaque cursors."
        ),
        "security": {
            "cors": False,
            "service": [
                {
                    "coding": [
                        {
                            "system": (
                                "http://terminology.hl7.org/CodeSystem/restful-security-service"
                            ),
                            "code": "SMART-on-FHIR",
                        }
                    ],
                    "text": "Bearer token with SMART v2 scopes; this statement needs none",
                }
            ],
        },
        "resource": [_resource(each) for each in SUPPORTED_TYPES],
        "interaction": [{"code": code} for code in served.interactions(current_app.url_map, None)],
        "searchParam": _search_parameters(_common(), RESULT_PARAMETERS | SYSTEM_ONLY),
        "compartment": [
            f"http://hl7.org/fhir/CompartmentDefinition/{name[0].lower()}{name[1:]}"
            for name in compartments()
        ],
    }
    if listed := operations.listed(None):
        rest["operation"] = listed
    return {
        "resourceType": "CapabilityStatement",
        **_head("capabilities"),
        "instantiates": list(INSTANTIATES),
        "fhirVersion": "4.0.1",
        "format": [*negotiation.ANSWERS, "json", "xml"],
        "patchFormat": list(patches.FORMATS),
        "rest": [rest],
    }


def _resource(resource_type: str) -> dict[str, Any]:
    routes = current_app.url_map
    codes = served.interactions(routes, resource_type)
    parameters = understood(resource_type)
    references = [code for code, found in parameters.items() if found.kind == "reference"]
    described: dict[str, Any] = {
        "type": resource_type,
        "profile": f"http://hl7.org/fhir/StructureDefinition/{resource_type}",
        "interaction": [{"code": code} for code in codes],
        "versioning": ("versioned-update" if resource_type in VERSIONED_UPDATE else "versioned"),
        "readHistory": "vread" in codes,
        "updateCreate": "update" in codes,
        "conditionalCreate": "create" in codes,
        "conditionalRead": "full-support",
        "conditionalUpdate": "update" in codes and served.conditional(routes, "update"),
        "conditionalDelete": (
            "single"
            if "delete" in codes and served.conditional(routes, "delete")
            else "not-supported"
        ),
        "referencePolicy": ["literal", "logical", "local"],
    }
    if resource_type == "Subscription":
        described["extension"] = [
            {"url": TOPIC_CANONICAL, "valueCanonical": canonical} for canonical in TOPICS
        ]
    if references:
        described["searchInclude"] = [
            "*",
            *(f"{resource_type}:{code}" for code in ("*", *sorted(references))),
        ]
    described["searchRevInclude"] = _reverse(resource_type)
    described["searchParam"] = _search_parameters(parameters, RESULT_PARAMETERS)
    if not described["searchRevInclude"]:
        del described["searchRevInclude"]
    if own := operations.listed(resource_type):
        described["operation"] = own
    return described


def _search_parameters(
    known: Mapping[str, SearchParameter], others: Mapping[str, str]
) -> list[dict[str, Any]]:
    return [
        {"name": code, "definition": found.url, "type": found.kind}
        for code, found in sorted(known.items())
    ] + [{"name": name, "type": kind} for name, kind in sorted(others.items())]


def _common() -> dict[str, SearchParameter]:
    """Return the parameters that every type has: what a search of all types takes."""
    each = [set(understood(name)) for name in SUPPORTED_TYPES]
    return {
        code: found
        for code, found in understood(SUPPORTED_TYPES[0]).items()
        if all(code in codes for codes in each)
    }


def understood(resource_type: str) -> dict[str, SearchParameter]:
    """Return the parameters of a type that a search understands: R4 defines a few more."""
    found = {}
    for code in search_parameters(resource_type):
        with suppress(UnknownParameterError):
            found[code] = parameter_of(resource_type, code, code)
    return found


def _reverse(resource_type: str) -> list[str]:
    return [
        f"{source}:{code}"
        for source in SUPPORTED_TYPES
        for code, found in sorted(search_parameters(source).items())
        if found.kind == "reference" and resource_type in found.targets
    ]
