"""A person at the head of a page and in a list."""

from dataclasses import dataclass
from datetime import datetime

from fhir.systems import (
    NHS_NUMBER,
    NHS_NUMBER_VERIFICATION_EXTENSION,
)
from hub.records import Record
from hub.web.presenters import elements, words

_VERIFIED = "01"
"""UKCore-NHSNumberVerificationStatusEngland: number present and verified."""


@dataclass(frozen=True, slots=True)
class PersonLine:
    """A person in a list."""

    id: str
    name: str
    age: str
    gender: str
    nhs_number: str
    postcode: str


@dataclass(frozen=True, slots=True)
class PersonHead:
    """A person at the head of a page: enough to be sure that it is the right one."""

    id: str
    name: str
    born: str
    age: str
    gender: str
    nhs_number: str
    nhs_number_note: str
    """Empty where the number is verified; words of doubt otherwise."""
    address: str
    phone: str
    practice: str
    """Reference or name of the registered practice."""
    language: str
    died: str


def line(patient: Record | None, now: datetime) -> PersonLine:
    if patient is None:
        return PersonLine("", "Not yet identified", "", "", "", "")
    return PersonLine(
        id=patient.id,
        name=name(patient),
        age=_age(patient, now),
        gender=str(patient.get("gender", "")),
        nhs_number=words.nhs_number(nhs_number(patient)),
        postcode=_postcode(patient),
    )


def head(patient: Record, now: datetime) -> PersonHead:
    return PersonHead(
        id=patient.id,
        name=name(patient),
        born=words.short_day(patient.get("birthDate")),
        age=_age(patient, now),
        gender=str(patient.get("gender", "not known")),
        nhs_number=words.nhs_number(nhs_number(patient)),
        nhs_number_note=_doubt(patient),
        address=_address(patient),
        phone=_phone(patient),
        practice=_practice(patient),
        language=_language(patient),
        died=_died(patient),
    )


def name(patient: Record) -> str:
    return elements.human_name(patient.get("name", ())) or "Name not known"


def nhs_number(patient: Record) -> str:
    return "".join(
        elements.identifier({"identifier": patient.get("identifier", ())}, NHS_NUMBER).split()
    )


def _age(patient: Record, now: datetime) -> str:
    if patient.get("deceasedDateTime") or patient.get("deceasedBoolean"):
        return "has died"
    years = words.age(patient.get("birthDate"), now)
    return "" if years is None else str(years)


def _doubt(patient: Record) -> str:
    for each in patient.get("identifier", ()):
        if each.get("system") != NHS_NUMBER:
            continue
        concept = elements.extension(each, NHS_NUMBER_VERIFICATION_EXTENSION)
        status = elements.code(concept.get("valueCodeableConcept"))
        return "" if status in {"", _VERIFIED, "number-present-and-verified"} else "not verified"
    return "not traced"


def _address(patient: Record) -> str:
    for each in patient.get("address", ()):
        if each.get("use") == "old":
            continue
        parts = [*each.get("line", ()), each.get("city", ""), each.get("postalCode", "")]
        return ", ".join(str(part) for part in parts if part) or str(each.get("text", ""))
    return ""


def _postcode(patient: Record) -> str:
    return next(
        (str(each["postalCode"]) for each in patient.get("address", ()) if each.get("postalCode")),
        "",
    )


def _phone(patient: Record) -> str:
    return next(
        (
            str(each.get("value", ""))
            for each in patient.get("telecom", ())
            if each.get("system") == "phone" and each.get("use") != "old"
        ),
        "",
    )


def _practice(patient: Record) -> str:
    for each in patient.get("generalPractitioner", ()):
        shown = each.get("display") or each.get("reference")
        if shown:
            return str(shown)
    return ""


def _language(patient: Record) -> str:
    preferred = [each for each in patient.get("communication", ()) if each.get("preferred")]
    for each in preferred or patient.get("communication", ()):
        spoken = elements.concept_text(each.get("language"))
        return "" if spoken in {"en", "English"} else spoken
    return ""


def _died(patient: Record) -> str:
    at = patient.get("deceasedDateTime")
    if at:
        return words.day(at)
    return "on a date that is not known" if patient.get("deceasedBoolean") else ""
