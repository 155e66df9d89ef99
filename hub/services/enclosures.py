"""What comes with a referral: a message's clinical records, kept as foreign records of the person.

Organisations, staff and places of a message are not stored (they would multiply with every
message): references to them become the hub's own record where their code is known, else a
reference that carries identifier and name. The message itself is kept whole in the inbox.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fhir.registry.types import SUPPORTED_TYPES
from hub import records
from hub.domain.actor import Actor
from hub.domain.definition import HubDefinition
from hub.records import Record

SUBJECT_ELEMENTS: Mapping[str, str] = {
    "AllergyIntolerance": "patient",
    "CarePlan": "subject",
    "CareTeam": "subject",
    "ClinicalImpression": "subject",
    "Communication": "subject",
    "CommunicationRequest": "subject",
    "Composition": "subject",
    "Condition": "subject",
    "Consent": "patient",
    "DiagnosticReport": "subject",
    "DocumentReference": "subject",
    "Encounter": "subject",
    "EpisodeOfCare": "patient",
    "Flag": "subject",
    "Goal": "subject",
    "Immunization": "patient",
    "List": "subject",
    "MedicationRequest": "subject",
    "MedicationStatement": "subject",
    "Observation": "subject",
    "Procedure": "subject",
    "QuestionnaireResponse": "subject",
    "RelatedPerson": "patient",
    "RiskAssessment": "subject",
    "Task": "for",
}
"""Types that are kept, with the element that puts each into the person's compartment."""

_KEPT_BESIDE = ("MessageHeader",)
_OPAQUE = "urn:ietf:rfc:3986"


class Enclosures:
    """The parts of one message and what a reference to each of them becomes."""

    def __init__(
        self,
        entries: Iterable[tuple[str, dict[str, Any]]],
        definition: HubDefinition,
    ) -> None:
        self._entries = tuple(entries)
        self._definition = definition
        self._by_url: dict[str, dict[str, Any]] = {}
        self._references: dict[str, str] = {}
        self._ids: dict[int, str] = {}
        for position, (full_url, resource) in enumerate(self._entries):
            for name in _names(full_url, resource):
                self._by_url.setdefault(name, resource)
            if _kept(resource):
                self._ids[position] = records.new_id()
                self.stands_for(
                    full_url, resource, f"{resource['resourceType']}/{self._ids[position]}"
                )

    def stands_for(self, full_url: str, resource: Mapping[str, Any], reference: str) -> None:
        """Let references to a part mean ``reference`` (``Patient/1``) from now on."""
        for name in _names(full_url, resource):
            self._references[name] = reference

    def keep(self, references: Iterable[str]) -> None:
        """Let references to records of the hub stay: whoever wrote them reads them here."""
        self._references |= {reference: reference for reference in references}

    def rewritten(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy whose references mean records of the hub, or say who is meant."""
        copy: dict[str, Any] = _rewrite(resource, self._replace)
        return copy

    def store(self, actor: Actor, patient: str) -> list[Record]:
        """Keep the clinical parts in the person's compartment, exactly but for references."""
        versions = []
        for position, (_, resource) in enumerate(self._entries):
            if position not in self._ids:
                continue
            copy = self.rewritten(resource)
            element = SUBJECT_ELEMENTS.get(copy["resourceType"])
            if element is not None and copy.get(element, {}).get("reference") != patient:
                # Outside the compartment everybody who is signed in could read it.
                copy[element] = {"reference": patient}
            versions.append(records.new_version(actor, copy, id=self._ids[position]))
        if not versions:
            return []
        records.insert_many(actor, versions)
        return [version.as_record() for version in versions]

    def _replace(self, reference: dict[str, Any]) -> dict[str, Any]:
        meant: str = reference["reference"]
        if meant in self._references:
            return {**reference, "reference": self._references[meant]}
        resource = self._by_url.get(meant)
        if resource is not None:
            return self._logical(reference, resource)
        if meant.startswith("#") or "://" in meant:
            return reference
        # A relative reference is one of the sender's server: it must not hit a record of ours.
        others = {name: value for name, value in reference.items() if name != "reference"}
        return {"identifier": {"system": _OPAQUE, "value": meant}, **others}

    def _logical(self, reference: dict[str, Any], resource: dict[str, Any]) -> dict[str, Any]:
        known = known_reference(resource, self._definition)
        words = reference.get("display") or name_of(resource, self._by_url)
        if known:
            return {"reference": known, "display": words}
        made: dict[str, Any] = {"type": resource["resourceType"], "display": words}
        identifiers = resource.get("identifier")
        if isinstance(identifiers, list) and identifiers:
            made["identifier"] = identifiers[0]
        return made


def known_reference(resource: Mapping[str, Any], definition: HubDefinition) -> str | None:
    """Return the hub's own record for an organisation or service of a message, by its code."""
    codes = {
        str(each.get("value", "")).strip().casefold()
        for each in resource.get("identifier") or ()
        if str(each.get("system", "")).casefold().endswith(("/ods-organization-code",
                                                            "/dos-service-id"))
    } - {""}  # fmt: skip
    match resource.get("resourceType"):
        case "Organization":
            for organisation in definition.organisations.values():
                if organisation.ods_code.casefold() in codes:
                    return f"Organization/{organisation.code}"
        case "HealthcareService":
            for code in sorted(codes):
                if service := definition.service_for_dos_id(code):
                    return f"HealthcareService/{service.code}"
    return None


def name_of(
    resource: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]] | None = None
) -> str:
    """Return how people call what a message speaks of: a name, else its type."""
    name = resource.get("name") or resource.get("title")
    if isinstance(name, str) and name.strip():
        return name
    if isinstance(name, list) and name:
        return human_name(name[0]) or str(resource["resourceType"])
    practitioner = (resource.get("practitioner") or {}).get("reference")
    if practitioner and parts and practitioner in parts:
        return name_of(parts[practitioner], parts)
    address = resource.get("address")
    if isinstance(address, dict):
        return str(address.get("text") or ", ".join(address.get("line", ())) or "Location")
    return str(resource.get("resourceType", "unknown"))


def human_name(name: Mapping[str, Any]) -> str:
    """Return a HumanName as one line."""
    if name.get("text"):
        return str(name["text"])
    parts = [*name.get("prefix", ()), *name.get("given", ()), name.get("family")]
    return " ".join(str(part) for part in parts if part)


def _kept(resource: Mapping[str, Any]) -> bool:
    resource_type = resource.get("resourceType")
    return resource_type in SUPPORTED_TYPES and (
        resource_type in SUBJECT_ELEMENTS or resource_type in _KEPT_BESIDE
    )


def _names(full_url: str, resource: Mapping[str, Any]) -> list[str]:
    names = [full_url] if full_url else []
    if resource.get("id"):
        names.append(f"{resource.get('resourceType')}/{resource['id']}")
    return names


def _rewrite(value: Any, replace: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(value, Mapping):
        inner = {name: _rewrite(child, replace) for name, child in value.items()}
        return replace(inner) if isinstance(inner.get("reference"), str) else inner
    if isinstance(value, list):
        return [_rewrite(child, replace) for child in value]
    return value
