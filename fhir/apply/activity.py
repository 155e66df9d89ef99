"""An ActivityDefinition becomes the request that it defines, as a draft.

https://hl7.org/fhir/R4/activitydefinition.html, the mappings of its elements.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fhir.apply.dynamic import customise
from fhir.apply.setting import Resource, Setting, canonical, filled, reference
from fhir.outcomes import UnprocessableError

_DEFAULT_INTENT = "proposal"


def apply_activity(
    definition: Mapping[str, Any], setting: Setting, where: str = "ActivityDefinition"
) -> Resource:
    """Return the resource that the definition proposes. Raises UnprocessableError."""
    if "transform" in definition:
        raise UnprocessableError(
            "a StructureMap is not run here: describe the activity by its elements",
            expression=f"{where}.transform",
            code="not-supported",
        )
    make = _MAKERS.get(definition.get("kind", ""))
    if make is None:
        raise UnprocessableError(
            f"an activity of kind {definition.get('kind', 'none')} cannot be made here; kinds: "
            f"{', '.join(sorted(_MAKERS))}",
            expression=f"{where}.kind",
            code="not-supported",
        )
    made = filled(make(definition, setting))
    resource = {"resourceType": definition["kind"], **made}
    customise(definition["kind"], resource, definition.get("dynamicValue", ()), setting, where)
    return resource


def _service_request(definition: Mapping[str, Any], setting: Setting) -> Resource:
    return {
        "instantiatesCanonical": _listed(canonical(definition)),
        **_request(definition, setting),
        "doNotPerform": definition.get("doNotPerform"),
        "code": definition.get("code"),
        "quantityQuantity": definition.get("quantity"),
        "subject": reference(setting.subject),
        **_occurrence(definition, "DateTime", "Period", "Timing"),
        "requester": setting.author,
        "performerType": next(iter(_roles(definition)), None),
        "locationReference": _listed(definition.get("location")),
        "bodySite": definition.get("bodySite"),
    }


def _medication_request(definition: Mapping[str, Any], setting: Setting) -> Resource:
    product = {
        f"medication{kind}": definition.get(f"product{kind}")
        for kind in ("Reference", "CodeableConcept")
    }
    if not any(product.values()):
        product["medicationCodeableConcept"] = definition.get("code")
    return {
        "instantiatesCanonical": _listed(canonical(definition)),
        **_request(definition, setting, occurs=()),
        "doNotPerform": definition.get("doNotPerform"),
        **product,
        "subject": reference(setting.subject),
        "requester": setting.author,
        "performerType": next(iter(_roles(definition)), None),
        "dosageInstruction": definition.get("dosage"),
        "dispenseRequest": filled({"quantity": definition.get("quantity")}),
    }


def _communication_request(definition: Mapping[str, Any], setting: Setting) -> Resource:
    made = _request(definition, setting, occurs=("DateTime", "Period"))
    del made["intent"]
    words = definition.get("description") or definition.get("title")
    return {
        **made,
        "doNotPerform": definition.get("doNotPerform"),
        "category": _listed(definition.get("code")),
        "subject": reference(setting.subject),
        "payload": _listed({"contentString": words} if words else None),
        **_occurrence(definition, "DateTime", "Period"),
        "requester": setting.author,
    }


def _task(definition: Mapping[str, Any], setting: Setting) -> Resource:
    made = _request(definition, setting, occurs=("Period",))
    return {
        "instantiatesCanonical": canonical(definition),
        **made,
        "code": definition.get("code"),
        "description": definition.get("description") or definition.get("title"),
        "for": reference(setting.subject),
        "requester": setting.author,
        "performerType": _roles(definition),
        "location": definition.get("location"),
        "restriction": filled({"period": definition.get("timingPeriod")}),
    }


_MAKERS: Mapping[str, Callable[[Mapping[str, Any], Setting], Resource]] = {
    "CommunicationRequest": _communication_request,
    "MedicationRequest": _medication_request,
    "ServiceRequest": _service_request,
    "Task": _task,
}


def _request(
    definition: Mapping[str, Any],
    setting: Setting,
    *,
    occurs: tuple[str, ...] = ("DateTime", "Period", "Timing"),
) -> Resource:
    """Return what all requests have; a timing that has no element of its own is said in words."""
    timing = next((name for name in definition if name.startswith("timing")), None)
    note = None
    if timing is not None and timing.removeprefix("timing") not in occurs:
        note = {"text": f"When: {words(definition[timing])}"}
    return {
        "status": "draft",
        "intent": definition.get("intent", _DEFAULT_INTENT),
        "priority": definition.get("priority"),
        "encounter": reference(setting.encounter),
        "authoredOn": setting.at.isoformat(timespec="seconds"),
        "note": _listed(note),
    }


def _occurrence(definition: Mapping[str, Any], *kinds: str) -> Resource:
    return {f"occurrence{kind}": definition.get(f"timing{kind}") for kind in kinds}


def words(timing: Any) -> str:
    """Say an Age, Duration, Range or Timing in words."""
    if not isinstance(timing, Mapping):
        return str(timing)
    if "value" in timing:
        return f"{timing['value']} {timing.get('unit') or timing.get('code') or ''}".strip()
    if "low" in timing or "high" in timing:
        ends = [words(timing[end]) for end in ("low", "high") if end in timing]
        return " to ".join(ends)
    if text := (timing.get("code") or {}).get("text"):
        return str(text)
    return ", ".join(f"{name} {value}" for name, value in (timing.get("repeat") or {}).items())


def _roles(definition: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [each["role"] for each in definition.get("participant", ()) if "role" in each]


def _listed(value: Any) -> list[Any]:
    return [] if value is None else [value]
