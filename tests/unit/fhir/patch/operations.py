"""Operations of FHIRPath Patches, and resources before and after."""

import json
from typing import Any

from fhir.patch import patched, read_fhirpath_patch

Json = dict[str, Any]


def part(name: str, value: Any = None, **more: Any) -> Json:
    kinds = {"type": "valueCode", "index": "valueInteger"}
    kinds |= {"source": "valueInteger", "destination": "valueInteger"}
    return {
        "name": name,
        **({} if value is None else {kinds.get(name, "valueString"): value}),
        **more,
    }


def operation(kind: str, path: str, *parts: Json) -> Json:
    return {"name": "operation", "part": [part("type", kind), part("path", path), *parts]}


def value(**of: Any) -> Json:
    return {"name": "value", **of}


def applied(resource: Json, *operations: Json) -> Any:
    parameters: Json = {"resourceType": "Parameters"}
    if operations:
        parameters["parameter"] = list(operations)
    patch = read_fhirpath_patch(json.dumps(parameters))
    return json.loads(patched(json.dumps(resource), patch))


def patient(**more: Any) -> Json:
    return {"resourceType": "Patient", **more}
