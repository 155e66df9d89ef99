"""The OpenAPI 3.1 document at /fhir/openapi.json, made from the routes and the registry.

https://spec.openapis.org/oas/v3.1.1
"""

import gzip
import hashlib
import re
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from flask import Response, current_app, request

from fhir.jsontext import dumps
from fhir.registry import PRIMITIVES, SUPPORTED_TYPES
from fhir.registry.search_parameters import compartments
from hub.api import negotiation, site
from hub.api.interactions import only
from hub.api.openapi_components import (
    PATCHES,
    all_components,
    content,
    form_of,
    schema_of,
    search_of,
    with_headers,
)
from hub.api.openapi_interactions import COMMON, Described, described
from hub.api.operations import Operation
from hub.api.searches import FORM
from hub.api.served import Served, served
from hub.api.site import blueprint
from hub.auth.public_routes import PUBLIC_ROUTES

Json = dict[str, Any]

_variable = re.compile(r"\{(\w+)\}")
_PATHS = {
    "type": {"enum": list(SUPPORTED_TYPES)},
    "compartment": {"enum": sorted(compartments())},
    "id": schema_of("id"),
    "version": {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"},
}
_EVERYWHERE = ("_format", "_pretty", "X-Request-Id")


@blueprint.get("/openapi.json")
def openapi() -> Response:
    only()
    text, packed, tag = _written(site.base())
    response = Response(text, content_type="application/json")
    if request.accept_encodings.quality("gzip") > 0:
        # Its words repeat: a twentieth of the size.
        response.set_data(packed)
        response.headers["Content-Encoding"] = "gzip"
        tag = f"{tag}-gzip"
    response.headers["Vary"] = "Accept-Encoding"
    # The same for everybody, and nobody's secret: keep it, but ask.
    response.headers["Cache-Control"] = "public, no-cache"
    response.set_etag(tag)
    response.make_conditional(request)
    return response


@lru_cache(maxsize=8)
def _written(_base: str) -> tuple[bytes, bytes, str]:
    """Return the document, plain and packed, and its hash, for each address of the hub."""
    text = dumps(document()).encode()
    return text, gzip.compress(text), hashlib.sha256(text).hexdigest()[:32]


def document() -> Json:
    paths: dict[str, Json] = {}
    for each in served(current_app.url_map):
        for resource_type in each.types:
            path = each.path(resource_type)
            item = paths.setdefault(path, {"parameters": _of_path(path)})
            item[each.method.lower()] = _operation(each, resource_type)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Carehub FHIR R4 API",
            "version": version("carehub"),
            "description": (
                "FHIR R4 (4.0.1): https://hl7.org/fhir/R4/http.html. Answers are "
                f"{' or '.join(negotiation.ANSWERS)}, by Accept or _format. HEAD is GET without "
                "the body. A modifier is part of a parameter's name (family:exact); x-modifiers "
                "lists them. Chains (subject.family) and _has are taken too."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": site.base().removesuffix(site.PREFIX) or "/"}],
        "security": [{"bearer": []}],
        "paths": dict(sorted(paths.items())),
        "components": all_components(),
    }


def _of_path(path: str) -> list[Json]:
    variables = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _PATHS.get(name, {"type": "string", "minLength": 1}),
        }
        for name in _variable.findall(path)
    ]
    return variables + [_shared(name) for name in _EVERYWHERE]


def _shared(name: str) -> Json:
    return {"$ref": f"#/components/parameters/{name}"}


def _operation(each: Served, resource_type: str | None) -> Json:
    about = described(each)
    parameters = [_shared(name) for name in about.parameters]
    if about.search:
        parameters += search_of(resource_type)
    if each.operation is not None and each.method == "GET":
        parameters += _simple(each.operation)
    found: Json = {
        "operationId": _name(each, resource_type),
        "summary": about.summary,
        "tags": [resource_type or "system"],
        "responses": _responses(about, resource_type),
    }
    if parameters:
        found["parameters"] = parameters
    if about.body:
        found["requestBody"] = _body(about.body, resource_type)
    if each.path(resource_type) in PUBLIC_ROUTES:
        found["security"] = []
    return found


def _name(each: Served, resource_type: str | None) -> str:
    """Return a name that no other has: ``update-Patient``, ``adopt-instance-post-Task``."""
    if each.operation is not None:
        before, _, called = each.shape.rpartition("/$")
        # An operation on a type that the hub does not hold stands at an address of its own.
        resource_type = resource_type or before.strip("/").partition("/")[0] or None
        level = "instance" if "[id]" in each.shape else "type" if resource_type else "system"
        parts = [called, level, each.method.lower()]
    elif each.code is not None:
        parts = [each.code, *(["conditional"] if each.conditional else [])]
        parts += ["form"] if each.shape.endswith("/_search") else []
    else:
        parts = [each.endpoint.rpartition(".")[2], each.method.lower()]
    return "-".join([*parts, resource_type] if resource_type else parts)


def _simple(called: Operation) -> list[Json]:
    """Return the parameters of an operation that can stand in an address."""
    return [
        {
            "name": each.name,
            "in": "query",
            "required": each.min > 0,
            "description": each.documentation or each.type,
            "schema": {"type": "string", "minLength": 1},
        }
        for each in called.parameters
        if each.use == "in" and each.type in PRIMITIVES
    ]


def _body(kind: str, resource_type: str | None) -> Json:
    if kind == "form":
        return {"content": {FORM: {"schema": form_of(resource_type)}}}
    if kind == "patch":
        return {"required": True, "content": PATCHES}
    name = resource_type if kind == "record" and resource_type else kind
    return {"required": kind != "Parameters", "content": content(schema_of(name))}


def _responses(about: Described, resource_type: str | None) -> Json:
    found: Json = {}
    for status in about.answers:
        found[str(status)] = _answer(about, status, resource_type)
    for status in sorted({*COMMON, *about.refusals}):
        found[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return found


def _answer(about: Described, status: int, resource_type: str | None) -> Json:
    if status in {204, 304} or not about.result:
        return {"description": "No content" if status == 204 else "Not modified"}
    if about.result == "record":
        assert resource_type is not None
        return {"$ref": f"#/components/responses/{resource_type}"}
    if about.result == "any":
        return {"description": "Done", "content": {"application/json": {"schema": {}}}}
    return {
        "description": "Done",
        "headers": with_headers("X-Request-Id"),
        "content": content(schema_of(about.result)),
    }
