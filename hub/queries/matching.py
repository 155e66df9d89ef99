"""What stands between people and members of staff: wishes, conflicts, objections, restriction."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import or_, select, union_all

from fhir import jsontext
from fhir.systems import FLAG_KIND
from hub import clock, records
from hub.db import db
from hub.domain.matching import CONFLICTS, WISHES, Wish
from hub.models.agreement import SharingAgreement
from hub.models.conflict import ConflictOfInterest
from hub.records.relationships import CARE_TEAM, REGISTERED_PRACTICE
from hub.records.tables import RELATIONSHIPS


@dataclass(frozen=True, slots=True)
class Ties:
    """What is known of some people, by their reference (``Patient/<id>``)."""

    wishes: dict[str, list[Wish]] = field(default_factory=dict)
    objections: dict[str, frozenset[str]] = field(default_factory=dict)
    """Parties (staff, team, organisation) to whom the person has objected."""
    conflicts: dict[tuple[str, str], str] = field(default_factory=dict)
    """(person, member of staff) -> why, in words."""
    named: dict[str, frozenset[str]] = field(default_factory=dict)
    """Parties of the care team and the registered practice."""


def ties(patients: Collection[str]) -> Ties:
    """Gather the ties of these people, in three statements."""
    if not patients:
        return Ties()
    ids = {each.removeprefix("Patient/") for each in patients}
    found = Ties()
    _read_records(ids, found)
    for patient, practitioner, reason in db.session.execute(
        select(
            ConflictOfInterest.patient, ConflictOfInterest.practitioner, ConflictOfInterest.reason
        ).where(ConflictOfInterest.patient.in_(patients), ConflictOfInterest.ended_at.is_(None))
    ):
        found.conflicts[patient, practitioner] = CONFLICTS.get(reason, reason)
    related: dict[str, set[str]] = {}
    for patient_id, party in db.session.execute(
        select(RELATIONSHIPS.c.patient_id, RELATIONSHIPS.c.party).where(
            RELATIONSHIPS.c.patient_id.in_(ids),
            RELATIONSHIPS.c.basis.in_((CARE_TEAM, REGISTERED_PRACTICE)),
        )
    ):
        related.setdefault(f"Patient/{patient_id}", set()).add(party)
    found.named.update({patient: frozenset(each) for patient, each in related.items()})
    return found


def under_agreement() -> frozenset[str]:
    """Return the organisations whose sharing agreement is in force (``Organization/<id>``)."""
    now = clock.now()
    rows = db.session.execute(
        select(SharingAgreement.organization).where(
            SharingAgreement.signed_at <= now,
            or_(SharingAgreement.ended_at.is_(None), SharingAgreement.ended_at > now),
        )
    )
    return frozenset(rows.scalars())


def standing_conflicts(patient: str) -> Sequence[ConflictOfInterest]:
    """Return the conflicts that stand for one person, the oldest first."""
    return (
        db.session.execute(
            select(ConflictOfInterest)
            .where(ConflictOfInterest.patient == patient, ConflictOfInterest.ended_at.is_(None))
            .order_by(ConflictOfInterest.recorded_at, ConflictOfInterest.id)
        )
        .scalars()
        .all()
    )


def wish_of(flag: dict[str, Any]) -> Wish | None:
    """Return the wish that a flag in force records."""
    if flag.get("status") != "active":
        return None
    for coding in flag.get("code", {}).get("coding", ()):
        if coding.get("system") == FLAG_KIND and coding.get("code") in WISHES:
            return WISHES[coding["code"]]
    return None


def _read_records(ids: Iterable[str], found: Ties) -> None:
    parts = [
        select(table.c.patient_id, table.c.content).where(
            table.c.patient_id.in_(ids), ~table.c.deleted, table.c.status == "active"
        )
        for table in (records.table("Flag"), records.table("Consent"))
    ]
    for patient_id, content in db.session.execute(union_all(*parts)):
        resource, patient = jsontext.loads(content), f"Patient/{patient_id}"
        if resource["resourceType"] == "Flag":
            if wish := wish_of(resource):
                found.wishes.setdefault(patient, []).append(wish)
        elif resource.get("provision", {}).get("type") == "deny":
            refused = {
                actor["reference"]["reference"]
                for actor in resource["provision"].get("actor", ())
                if "reference" in actor.get("reference", {})
            }
            found.objections[patient] = found.objections.get(patient, frozenset()) | refused
