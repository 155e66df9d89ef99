"""The parts that addresses of the OpenAPI document share: parameters, answers, schemas."""

from http import HTTPStatus
from typing import Any

from fhir.json_schema import schemas
from fhir.registry import SUPPORTED_TYPES, UNSTORED_TYPES
from fhir.registry.search_parameters import SearchParameter
from fhir.search.parameter import modifiers_of
from hub.api import negotiation
from hub.api.metadata import RESULT_PARAMETERS, SYSTEM_ONLY, understood

Json = dict[str, Any]

_ABOUT: dict[str, tuple[str, Json, str]] = {
    "_format": ("query", {"type": "string"}, "The form of the answer, before Accept"),
    "_pretty": ("query", {"enum": ["true", "false"]}, "Taken, and of no effect"),
    "_summary": ("query", {"enum": ["true", "text", "data", "false"]}, "A part of the record"),
    "_elements": ("query", {"type": "string"}, "Names of elements, with commas between"),
    "_since": ("query", {"$ref": "#/components/schemas/dateTime"}, "Versions from then on"),
    "_count": ("query", {"type": "integer", "minimum": 1}, "Entries on a page; capped"),
    "_cursor": ("query", {"type": "string"}, "Opaque; from Bundle.link[next]"),
    "mode": (
        "query",
        {"enum": ["full", "normative", "terminology"]},
        "terminology: TerminologyCapabilities instead",
    ),
    "X-Request-Id": (
        "header",
        {"type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$"},
        "Comes back with the answer, and stands in the log and every OperationOutcome",
    ),
    "If-Match": (
        "header",
        {"type": "string", "pattern": r'^(?:(?:W/)?"[0-9]+"|\*)$'},
        'The version that is to be changed: W/"3"; 412 if it is not the current one',
    ),
    "If-None-Match": ("header", {"type": "string"}, "Versions that the client has: 304"),
    "If-Modified-Since": ("header", {"type": "string"}, "The client's copy is from then: 304"),
    "If-None-Exist": (
        "header",
        {"type": "string"},
        "A search; what it finds is answered instead of creating",
    ),
    "Prefer": (
        "header",
        {"type": "string", "examples": ["return=minimal", "return=OperationOutcome"]},
        "return=minimal, representation or OperationOutcome",
    ),
    "handling": (
        "header",
        {"type": "string", "examples": ["handling=lenient", "handling=strict"]},
        "handling=lenient leaves out what is not understood; Bundle.link[self] shows what was used",
    ),
}

_SEARCH_VALUES: dict[str, tuple[str, str]] = {
    "token": ("[system]|[code], [code], [system]| or |[code]", ""),
    "reference": ("[type]/[id], [id] or an absolute address", ""),
    "string": ("the beginning, without regard to case or accents", ""),
    "uri": ("the whole address", ""),
    "date": (
        "a date or dateTime of any precision",
        r"^(?:eq|ne|gt|lt|ge|le|sa|eb|ap)?[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2}"
        r"(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[ +-][0-9]{2}:[0-9]{2})?)?)?)?"
        r"(?:,.*)?$",
    ),
    "number": ("a number with its precision", ""),
    "quantity": ("[number]|[system]|[code], the last two optional", ""),
    "composite": ("the values of both halves, $ between them", ""),
    "special": ("as its definition says", ""),
}
_PREFIXED = "; prefixes eq ne gt lt ge le sa eb ap"


def all_components() -> Json:
    return {
        "securitySchemes": {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token with SMART v2 scopes such as system/Patient.rs",
            }
        },
        "parameters": {name: _shared(name) for name in _ABOUT} | _search_parameters(),
        "headers": _headers(),
        "responses": {
            str(status.value): _refusal(status) for status in HTTPStatus if status.value >= 400
        }
        | {kind: _record(kind) for kind in SUPPORTED_TYPES},
        "schemas": _search_schemas() | schemas([*SUPPORTED_TYPES, *UNSTORED_TYPES]),
    }


def _shared(name: str) -> Json:
    place, schema, text = _ABOUT[name]
    named = "Prefer" if name == "handling" else name
    return {"name": named, "in": place, "description": text, "schema": schema}


def _headers() -> Json:
    return {
        "ETag": {"description": "The version", "schema": {"type": "string"}},
        "Last-Modified": {"description": "When it was stored", "schema": {"type": "string"}},
        "Location": {"description": "The address of this version", "schema": {"type": "string"}},
        "X-Request-Id": {"description": "The request's id", "schema": {"type": "string"}},
        "Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}},
        "Allow": {"description": "What is possible there", "schema": {"type": "string"}},
        "WWW-Authenticate": {"description": "How to sign in", "schema": {"type": "string"}},
    }


_HEADERS_OF = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}


def with_headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def content(schema: Json) -> Json:
    """Return a body in each form that the hub speaks; JSON schemas describe the JSON."""
    string: Json = {"schema": {"type": "string"}}
    forms: Json = dict.fromkeys(negotiation.ANSWERS, string)
    return {**forms, negotiation.FHIR_JSON: {"schema": schema}}


def schema_of(name: str) -> Json:
    return {} if name == "any" else {"$ref": f"#/components/schemas/{name}"}


PATCHES: Json = {
    "application/json-patch+json": {
        "schema": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "op": {"enum": ["add", "remove", "replace", "move", "copy", "test"]},
                    "path": {"type": "string"},
                    "from": {"type": "string"},
                    "value": {},
                },
                "required": ["op", "path"],
            },
        }
    },
    negotiation.FHIR_JSON: {"schema": schema_of("Parameters")},
}
"""What a PATCH sends: RFC 6902, or FHIRPath Patch."""


def _refusal(status: HTTPStatus) -> Json:
    return {
        "description": status.phrase,
        "headers": with_headers("X-Request-Id", *_HEADERS_OF.get(status.value, ())),
        "content": content(schema_of("OperationOutcome")),
    }


def _record(kind: str) -> Json:
    """Answer with a record, or as Prefer wants with an outcome or nothing."""
    return {
        "description": f"{kind}, or what Prefer asks for",
        "headers": with_headers("ETag", "Last-Modified", "X-Request-Id"),
        "content": content({"anyOf": [schema_of(kind), schema_of("OperationOutcome")]}),
    }


def search_of(resource_type: str | None) -> list[Json]:
    """Return the query parameters of a search; None: of several types at once."""
    return [
        {"$ref": f"#/components/parameters/{_place(resource_type, code)}"}
        for code in sorted(_kinds(resource_type))
    ]


def _kinds(resource_type: str | None) -> dict[str, str]:
    """Return code -> kind of all that a search takes."""
    known = understood(resource_type or SUPPORTED_TYPES[0])
    own = {
        code: found.kind
        for code, found in known.items()
        if resource_type is not None or code.startswith("_")
    }
    return own | RESULT_PARAMETERS | ({} if resource_type else SYSTEM_ONLY)


def _place(resource_type: str | None, code: str) -> str:
    """Return the name of a search parameter among the components; some are those of every type."""
    return f"search.{code}" if code.startswith("_") else f"{resource_type}.{code}"


def form_of(resource_type: str | None) -> Json:
    """Return the schema of the form that a search by POST sends."""
    kinds = sorted(_kinds(resource_type).items())
    return {
        "type": "object",
        "properties": {code: schema_of(f"search.{kind}") for code, kind in kinds},
    }


def _search_parameters() -> Json:
    found: Json = {}
    for kind in SUPPORTED_TYPES:
        for code, parameter in understood(kind).items():
            found[_place(kind, code)] = _search(code, parameter)
    for code, kind in (RESULT_PARAMETERS | SYSTEM_ONLY).items():
        found[f"search.{code}"] = {
            "name": code,
            "in": "query",
            "schema": _RESULTS.get(code, schema_of(f"search.{kind}")),
        }
    return found


_RESULTS: Json = {
    "_count": {"type": "integer", "minimum": 0},
    "_total": {"enum": ["none", "estimate", "accurate"]},
    "_summary": {"enum": ["true", "text", "data", "count", "false"]},
    "_contained": {"enum": ["false"]},
}


def _search(code: str, parameter: SearchParameter) -> Json:
    found: Json = {
        "name": code,
        "in": "query",
        "schema": {"type": "array", "items": schema_of(f"search.{parameter.kind}")},
    }
    modifiers = [each for each in modifiers_of(parameter) if each not in parameter.targets]
    if parameter.targets:
        modifiers.append("[type]")
    if modifiers:
        # Each is one more name: family:exact. OpenAPI has no word for that.
        found["x-modifiers"] = modifiers
    if parameter.expression:
        found["description"] = parameter.expression
    return found


def _search_schemas() -> Json:
    return {
        f"search.{kind}": {
            "type": "string",
            "description": text
            + (_PREFIXED if kind in {"date", "number", "quantity"} else "")
            + "; several with commas between are alternatives",
            **({"pattern": pattern} if pattern else {"minLength": 1}),
        }
        for kind, (text, pattern) in _SEARCH_VALUES.items()
    }
