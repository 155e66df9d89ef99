"""The parameters that the terminology operations share: which code, which value set.

https://hl7.org/fhir/R4/terminology-service.html
"""

from collections.abc import Mapping
from typing import Any

from fhir.outcomes import BadRequestError, InvalidResourceError
from fhir.terminology.checking import Coding
from fhir.validation import validate
from hub.api.operations import Parameter
from hub.api.parameters import Given

CHECKED = (
    Parameter("coding", "Coding"),
    Parameter("codeableConcept", "CodeableConcept"),
    Parameter("abstract", "boolean", documentation="False: an abstract code is not valid."),
    Parameter("displayLanguage", "code"),
    Parameter("result", "boolean", use="out", min=1),
    Parameter("message", "string", use="out"),
    Parameter("display", "string", use="out"),
)
"""What both ``$validate-code`` take besides a code and a display, and what they answer."""


def texts(asked: Given, name: str) -> tuple[str, ...]:
    """Return the values of a parameter that may stand several times."""
    found = []
    for each in asked:
        if each.get("name") == name:
            members = [value for key, value in each.items() if key.startswith("value")]
            if len(members) != 1 or not isinstance(members[0], str) or not members[0]:
                raise BadRequestError(f"{name} is a text", expression=name)
            found.append(members[0])
    return tuple(found)


def versions(asked: Given, name: str) -> dict[str, str]:
    """Return ``system|version`` of a parameter that may stand several times."""
    found = {}
    for text in texts(asked, name):
        system, _, version = text.partition("|")
        if not system or not version:
            raise BadRequestError(f"{name} is system|version", expression=name, code="value")
        found[system] = version
    return found


def coding(value: Any, name: str) -> Coding:
    """Read a Coding with a system and a code."""
    if not isinstance(value, Mapping):
        raise BadRequestError(f"{name} is a Coding", expression=name)
    parts = {part: value.get(part) for part in ("system", "code", "version", "display")}
    if any(part is not None and not isinstance(part, str) for part in parts.values()):
        raise BadRequestError(f"{name} is a Coding", expression=name)
    if not parts["system"] or not parts["code"]:
        raise BadRequestError(f"{name} has a system and a code", expression=name, code="required")
    return Coding(parts["system"], parts["code"], parts["version"], parts["display"])


def only_one(asked: Given, *names: str) -> str:
    """Return which of several parameters was given; exactly one must be."""
    there = [name for name in names if name in asked]
    if len(there) != 1:
        raise BadRequestError(
            f"give exactly one of {', '.join(names)}",
            expression=there[1] if there else names[0],
            code="invalid" if there else "required",
        )
    return there[0]


def checked(
    asked: Given, *, system: str | None, version: str | None, system_parameter: str
) -> list[Coding]:
    """Return the codings that are to be checked: one, or those of a CodeableConcept.

    ``system`` is what a bare ``code`` is of; ``system_parameter`` would name it.
    """
    match only_one(asked, "code", "coding", "codeableConcept"):
        case "code":
            if system is None:
                raise BadRequestError(
                    f"a code needs its code system: the parameter {system_parameter}",
                    expression=system_parameter,
                    code="required",
                )
            return [Coding(system, asked.needed("code"), version, asked.text("display"))]
        case name:
            if "display" in asked:
                raise BadRequestError(f"a {name} has its own display", expression="display")
            if name == "coding":
                return [coding(asked.value("coding", "Coding"), "coding")]
            concept = asked.value("codeableConcept", "CodeableConcept")
            listed = concept.get("coding") if isinstance(concept, Mapping) else None
            if not isinstance(listed, list) or not listed:
                raise BadRequestError(
                    "codeableConcept has a coding", expression="codeableConcept", code="required"
                )
            return [coding(each, "codeableConcept.coding") for each in listed]


def resource(asked: Given, name: str, resource_type: str) -> dict[str, Any] | None:
    """Return a resource that stands in the request; it must be legal R4."""
    found = asked.resource(name) if name in asked else None
    if found is not None and (issues := validate(found, resource_type=resource_type)):
        raise InvalidResourceError(issues)
    return found
