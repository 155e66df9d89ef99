"""Who a referral is about: linked on proof alone, else kept apart until a person has traced them.

A link is made only on a valid, verified NHS number and an equal date of birth; a number that
fails modulus 11 is never a key (care model section 11, standards section 0).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text

from fhir.search.text import literal
from fhir.systems import (
    CAREHUB,
    NHS_NUMBER,
    NHS_NUMBER_VERIFICATION,
    NHS_NUMBER_VERIFICATION_EXTENSION,
)
from hub import records
from hub.db import db
from hub.domain import identity, nhs_number
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import RuleError
from hub.domain.identity import Assessment, Identity, Match
from hub.domain.referral_request import Demographics
from hub.queries.standing import is_replaced
from hub.records import Record

TRACED_CODES = frozenset({"01", "number-present-and-verified"})
"""Present and verified, in the present code system and in the one that BaRS still uses."""
VERIFIED = "01"
TRACE_REQUIRED = "03"
IDENTITY_TAG = f"{CAREHUB}/CodeSystem/identity"
UNTRACED = "untraced"

_MOST_CANDIDATES = "50"
_YEARS_OFF = 10
"""A wrong digit of the year is a year or ten off."""


@dataclass(frozen=True, slots=True)
class Identified:
    """The Patient record to work with, and whether somebody still has to trace who it is."""

    patient: Record
    tracing: bool
    suggestions: tuple[Match, ...] = ()


def identify(actor: Actor, person: str | Demographics, *, typed: bool) -> Identified:
    """Find the person or keep what is known of them in a record of their own.

    ``typed`` says that a person typed the demographics: then an invalid NHS number is refused,
    because it can still be corrected; a system's is kept and traced.
    """
    hub = hub_actor("identity")
    if isinstance(person, str):
        return Identified(patient=records.read(hub, *_split(person)), tracing=False)
    if typed and person.nhs_number and not nhs_number.is_valid(person.nhs_number):
        raise RuleError("this is not a valid NHS number: check the digits", field="nhs_number")
    wanted = asked(person)
    if key := identity.key(wanted):
        # Two referrals of one new person at the same moment must not make two people.
        _lock(f"nhs-number/{key}")
    assessment = assess(hub, wanted)
    if assessment.link is not None:
        return Identified(patient=records.read(hub, *_split(assessment.link)), tracing=False)
    patient = records.create(actor, untraced_patient(person))
    return Identified(patient=patient, tracing=True, suggestions=assessment.suggestions)


def assess(actor: Actor, wanted: Identity) -> Assessment:
    """Return who on record is proven to be meant, or else could be, best first."""
    if key := identity.key(wanted):
        known = [identity_of(each) for each in _found(actor, _numbered(key)).values()]
        proven = identity.assess(wanted, known)
        # Most referrals: nobody whom another search could find would fit better.
        if proven.link is not None and proven.suggestions[0].first_name in (None, 1.0):
            return proven
    known = [identity_of(each) for each in _candidates(actor, wanted).values()]
    return identity.assess(wanted, known)


def untraced_patient(person: Demographics) -> dict[str, Any]:
    """Return a Patient that says of itself that nobody has traced it yet."""
    resource = dict(person.resource) if person.resource is not None else _from_words(person)
    resource.pop("id", None)
    meta = dict(resource.get("meta") or {})
    meta["tag"] = [*meta.get("tag", ()), {"system": IDENTITY_TAG, "code": UNTRACED}]
    resource["meta"] = meta
    if resource.get("identifier"):
        resource["identifier"] = [_unverified(each) for each in resource["identifier"]]
    return resource


def is_untraced(patient: Record) -> bool:
    """Say whether nobody has decided yet who this is."""
    tags = (patient.get("meta") or {}).get("tag") or ()
    return any(t.get("system") == IDENTITY_TAG and t.get("code") == UNTRACED for t in tags)


def identity_of(patient: Record) -> Identity:
    """Return what a Patient record says of who it is, for matching."""
    number, verified = _number(patient.get("identifier") or ())
    name: dict[str, Any] = next(iter(patient.get("name") or ()), {})
    address: dict[str, Any] = next(iter(patient.get("address") or ()), {})
    phones = (t for t in patient.get("telecom") or () if t.get("system") == "phone")
    return Identity(
        reference=patient.reference,
        nhs_number=number,
        nhs_number_verified=verified,
        family=name.get("family"),
        given=tuple(name.get("given") or ()),
        birth_date=birth_date(patient),
        gender=patient.get("gender"),
        postcode=address.get("postalCode"),
        phone=next((t.get("value") for t in phones), None),
    )


def birth_date(patient: Record) -> date | None:
    """Return the date of birth, or None where it is unknown or not to the day."""
    return day(patient.get("birthDate"))


def day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def suggestion_words(match: Match) -> str:
    """Say why somebody is suggested, in one sentence."""
    agrees = ", ".join(match.agrees) or "nothing"
    differs = f"; differs: {', '.join(match.differs)}" if match.differs else ""
    return f"{match.score} of 100; agrees: {agrees}{differs}"


def asked(person: Demographics) -> Identity:
    """Return what a referrer gave, for matching."""
    return Identity(
        nhs_number=person.nhs_number,
        nhs_number_verified=person.verified,
        family=person.family,
        given=person.given,
        birth_date=person.birth_date,
        gender=person.gender,
        postcode=person.postcode,
        phone=person.phone,
    )


def matches(actor: Actor, wanted: Identity) -> list[tuple[Record, Match]]:
    """Return the people whom the actor may see and who could be meant, best first.

    Raises ForbiddenError where a system may not search for people.
    """
    found = _candidates(actor, wanted)
    compared = [identity.compare(wanted, identity_of(each)) for each in found.values()]
    compared.sort(key=lambda match: (not match.proof, -match.score, match.reference))
    return [
        (found[match.reference], match)
        for match in compared
        if match.proof or match.score >= identity.SUGGEST_FROM
    ]


def _candidates(actor: Actor, wanted: Identity) -> dict[str, Record]:
    """Return the people who could be meant, as far as one slip does not hide them.

    Same number; same birthday, or day and month swapped; same postcode with one of the names; same
    names and born about then. Not a record that was merged into another: the other is the person
    now.
    """
    searches: list[list[tuple[str, str]]] = []
    if key := identity.key(wanted):
        searches.append(_numbered(key))
    born = wanted.birth_date
    if born:
        days = {born, identity.day_and_month_swapped(born)} - {None}
        searches.append([("birthdate", ",".join(sorted(str(each) for each in days)))])
    family = [("family", literal(wanted.family))] if wanted.family else []
    given = [("given", literal(wanted.given[0]))] if wanted.given else []
    if wanted.postcode:
        place = ("address-postalcode", literal(wanted.postcode))
        searches += [[name, place] for name in (*family, *given)]
    if family and given and born:
        years = [f"ge{born.year - _YEARS_OFF:04d}", f"le{born.year + _YEARS_OFF:04d}"]
        searches.append([*family, *given, *(("birthdate", year) for year in years)])
    found: dict[str, Record] = {}
    for parameters in searches:
        found |= _found(actor, parameters)
    return found


def _numbered(key: str) -> list[tuple[str, str]]:
    return [("identifier", f"{NHS_NUMBER}|{key}")]


def _found(actor: Actor, parameters: list[tuple[str, str]]) -> dict[str, Record]:
    page = records.search(
        actor, "Patient", [*parameters, ("_count", _MOST_CANDIDATES), ("_total", "none")]
    )
    return {record.reference: record for record in page.records if not is_replaced(record)}


def _number(identifiers: Any) -> tuple[str | None, bool]:
    for identifier in identifiers:
        if identifier.get("system") == NHS_NUMBER and identifier.get("value"):
            return str(identifier["value"]), verification_of(identifier) in TRACED_CODES
    return None, False


def verification_of(identifier: dict[str, Any]) -> str | None:
    """Return the verification status code of an NHS number identifier."""
    for extension in identifier.get("extension") or ():
        if extension.get("url") == NHS_NUMBER_VERIFICATION_EXTENSION:
            codings = (extension.get("valueCodeableConcept") or {}).get("coding") or [{}]
            code: str | None = codings[0].get("code")
            return code
    return None


def with_verified(identifiers: list[dict[str, Any]], number: str) -> list[dict[str, Any]]:
    """Return the identifiers with one NHS number, which a person has traced and verified."""
    others = [each for each in identifiers if each.get("system") != NHS_NUMBER]
    traced = _marked({"system": NHS_NUMBER, "value": number}, VERIFIED)
    return [traced, *others]


def _unverified(identifier: dict[str, Any]) -> dict[str, Any]:
    """Return the identifier, an NHS number marked as needing a trace, whatever its sender said."""
    if identifier.get("system") != NHS_NUMBER:
        return identifier
    return _marked(identifier, TRACE_REQUIRED)


def _marked(identifier: dict[str, Any], code: str) -> dict[str, Any]:
    others = [
        each
        for each in identifier.get("extension") or ()
        if each.get("url") != NHS_NUMBER_VERIFICATION_EXTENSION
    ]
    status = {
        "url": NHS_NUMBER_VERIFICATION_EXTENSION,
        "valueCodeableConcept": {"coding": [{"system": NHS_NUMBER_VERIFICATION, "code": code}]},
    }
    return {**identifier, "extension": [*others, status]}


def _from_words(person: Demographics) -> dict[str, Any]:
    resource: dict[str, Any] = {"resourceType": "Patient", "active": True}
    if person.nhs_number:
        number = nhs_number.normalise(person.nhs_number)
        resource["identifier"] = [{"system": NHS_NUMBER, "value": number}]
    if person.family or person.given:
        name: dict[str, Any] = {"use": "official", "family": person.family}
        if person.given:
            name["given"] = list(person.given)
        resource["name"] = [{part: value for part, value in name.items() if value}]
    if person.gender:
        resource["gender"] = person.gender
    if person.birth_date:
        resource["birthDate"] = person.birth_date.isoformat()
    telecom = [("phone", person.phone), ("email", person.email)]
    if found := [{"system": system, "value": value} for system, value in telecom if value]:
        resource["telecom"] = found
    if person.address or person.postcode:
        address: dict[str, Any] = {"use": "home"}
        if person.address:
            address["line"] = list(person.address)
        if person.postcode:
            address["postalCode"] = person.postcode
        resource["address"] = [address]
    return resource


def _split(reference: str) -> tuple[str, str]:
    resource_type, _, record_id = reference.partition("/")
    return resource_type, record_id


def _lock(name: str) -> None:
    db.session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name}
    )
