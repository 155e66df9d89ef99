"""The smallest legal resource of each type: what the registry requires, and no more."""

from typing import Any

from fhir import registry
from fhir.registry import Element
from fhir.validation import bindings, validate

_PRIMITIVES: dict[str, Any] = {
    "boolean": True,
    "date": "2026-01-01",
    "dateTime": "2026-01-01",
    "decimal": 1,
    "instant": "2026-01-01T00:00:00Z",
    "integer": 1,
    "positiveInt": 1,
    "unsignedInt": 1,
    "uri": "http://example.org/x",
    "url": "http://example.org/x",
    "canonical": "http://example.org/x",
    "base64Binary": "eA==",
    "code": "x",
    "id": "x",
    "string": "x",
    "markdown": "x",
}

_FILLED: dict[str, dict[str, Any]] = {
    "Attachment": {"url": "http://example.org/x"},
    "Coding": {"system": "http://example.org", "code": "x"},
    "Period": {"start": "2026-01-01"},
}
"""Data types that require nothing, and must not be empty."""

# What invariants ask for beyond cardinality.
_MORE: dict[str, dict[str, Any]] = {
    "AllergyIntolerance": {
        "clinicalStatus": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
                    "code": "active",
                }
            ]
        }
    },
    "Appointment": {
        "status": "proposed",
        "participant": [{"actor": {"reference": "Patient/x"}, "status": "needs-action"}],
    },
    "Consent": {"policyRule": {"text": "x"}},
    "Organization": {"name": "x"},
}


def smallest(kind: str) -> dict[str, Any]:
    """Return a legal resource; AssertionError where an invariant wants more than is known here."""
    made = {"resourceType": kind, **_object(kind), **_MORE.get(kind, {})}
    faults = validate(made)
    assert faults == [], (kind, faults)
    return made


def _object(owner: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for element in registry.elements(owner).values():
        if element.min:
            member, kind = next(iter(element.members.items()))
            value = _value(element, kind)
            made[member] = [value] * element.min if element.many else value
    return made


def _value(element: Element, kind: str) -> Any:
    if kind == "code" and element.codes and (codes := bindings.codes(element.codes)):
        return min(codes)
    if kind in _PRIMITIVES:
        return _PRIMITIVES[kind]
    if (
        kind == "CodeableConcept"
        and element.codes
        and (systems := registry.required_codes(element.codes))
    ):
        system, listed = min(systems.items())
        return {"coding": [{"system": system, "code": min(listed)}]}
    if kind == "Reference":
        return {"reference": f"{min(element.targets or {'Patient'})}/x"}
    return _object(element.owner or kind) or _FILLED.get(kind, {"text": "x"})
