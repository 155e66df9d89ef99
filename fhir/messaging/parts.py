"""The parts that every message of the hub has, and how they find each other. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from fhir.messaging.codes import BUNDLE_PROFILE

Part = tuple[str, dict[str, Any]]
"""fullUrl and resource."""

VIRTUAL = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR"}
"""Encounter.class of what a desk does."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: the hub, its desk and the service that the message is about."""

    name: str
    endpoint: str
    """Where it takes messages."""
    organisation: Mapping[str, Any]
    """Organization with its ODS code."""
    phone: str
    service: str | None = None


class Parts:
    """Makes the parts of one message; equal messages have equal ids."""

    def __init__(self, identity: str, at: datetime) -> None:
        self._identity = UUID(identity)
        self.at = instant(at)
        self.meta = {"lastUpdated": self.at}

    def new(self, part: str, resource: dict[str, Any]) -> Part:
        identity = uuid5(self._identity, part)
        whole = {
            "resourceType": resource.pop("resourceType"),
            "id": str(identity),
            "meta": self.meta | resource.pop("meta", {}),
        }
        return f"urn:uuid:{identity}", whole | resource

    def organisation(self, sender: Sender) -> Part:
        return self.new("organisation", dict(sender.organisation))

    def desk(self, sender: Sender, ours: Part) -> list[Part]:
        contact = [{"system": "phone", "value": sender.phone}]
        person = self.new(
            "practitioner",
            {"resourceType": "Practitioner", "name": [{"text": sender.name}]},
        )
        role = self.new(
            "role",
            {
                "resourceType": "PractitionerRole",
                "practitioner": {"reference": person[0]},
                "organization": {"reference": ours[0]},
                "telecom": contact,
            },
        )
        return [person, role]


def source(sender: Sender, endpoint: str) -> dict[str, Any]:
    """Return MessageHeader.source."""
    return {
        "name": sender.name,
        "software": "Carehub",
        "contact": {"system": "phone", "value": sender.phone},
        "endpoint": endpoint,
    }


def completed_plan(patient: str, encounter: Part, words: str) -> dict[str, Any]:
    """Return the CarePlan that tells what was found: the outcome of an activity, in words."""
    return {
        "resourceType": "CarePlan",
        "status": "completed",
        "intent": "plan",
        "subject": {"reference": patient},
        "encounter": {"reference": encounter[0]},
        "activity": [{"outcomeCodeableConcept": [{"text": words}]}],
    }


def message_bundle(
    identity: str, version: str, at: datetime, entries: Iterable[Part]
) -> dict[str, Any]:
    """Put the parts together, the MessageHeader first; what would not resolve is left out."""
    listed = list(entries)
    known = {url for url, _ in listed}
    moment = instant(at)
    return {
        "resourceType": "Bundle",
        "id": identity,
        "meta": {"versionId": version, "lastUpdated": moment, "profile": [BUNDLE_PROFILE]},
        "type": "message",
        "timestamp": moment,
        "entry": [{"fullUrl": url, "resource": _resolving(part, known)} for url, part in listed],
    }


def _resolving(value: Any, known: set[str]) -> Any:
    """Leave out each local reference whose target stays behind, and what is then empty."""
    if isinstance(value, list):
        inside = (_resolving(item, known) for item in value)
        return [each for each in inside if each not in ({}, [])]
    if not isinstance(value, dict):
        return value
    found = {name: _resolving(each, known) for name, each in value.items()}
    target = found.get("reference")
    if isinstance(target, str) and "resourceType" not in found and target not in known:
        found.pop("reference")
        found.pop("type", None)
    return {name: each for name, each in found.items() if each not in ({}, [])}


def instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
