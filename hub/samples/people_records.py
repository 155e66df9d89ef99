"""A sample person as FHIR records: who they are, what they live with, what they take."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fhir import systems
from hub.domain.definition import HubDefinition
from hub.samples.people import SamplePerson

Resource = dict[str, Any]

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_LANGUAGE_NAMES = {
    "bn": "Bengali",
    "ur": "Urdu",
    "gu": "Gujarati",
    "yo": "Yoruba",
    "pl": "Polish",
    "yue": "Cantonese",
    "el": "Greek",
}
_ALLERGIES = {
    "penicillin": ("91936005", "Allergy to penicillin", "Rash all over", "medication"),
    "trimethoprim": ("294937004", "Allergy to trimethoprim", "Vomiting", "medication"),
    "latex": ("300916003", "Latex allergy", "Wheeze", "environment"),
}


def records_of(person: SamplePerson, definition: HubDefinition) -> Iterator[Resource]:
    """Yield what is known of a person, except what the hub itself manages."""
    yield _patient(person)
    yield _carer(person)
    yield from _conditions(person)
    yield from _observations(person, definition)
    yield _allergy(person)
    yield from _medicines(person)
    yield _risk(person)


def _patient(person: SamplePerson) -> Resource:
    made: Resource = {
        "resourceType": "Patient",
        "id": person.id,
        "identifier": [
            {
                "extension": [
                    {
                        "url": systems.NHS_NUMBER_VERIFICATION_EXTENSION,
                        "valueCodeableConcept": {
                            "coding": [
                                {
                                    "system": systems.NHS_NUMBER_VERIFICATION,
                                    "code": "01",
                                    "display": "Number present and verified",
                                }
                            ]
                        },
                    }
                ],
                "system": systems.NHS_NUMBER,
                "value": person.nhs_number,
            }
        ],
        "active": True,
        "name": [
            {
                "use": "official",
                "text": person.name,
                "family": person.family,
                "given": [person.given],
            }
        ],
        "telecom": [{"system": "phone", "value": person.phone, "use": "home"}],
        "gender": person.gender,
        "birthDate": person.birth_date.isoformat(),
        "address": [
            {
                "use": "home",
                "line": [person.street],
                "city": person.town,
                "postalCode": person.postcode,
            }
        ],
        "generalPractitioner": [{"reference": f"Organization/{person.practice}"}],
    }
    if person.language != "en":
        made["communication"] = [
            {
                "language": {
                    "coding": [
                        {
                            "system": "urn:ietf:bcp:47",
                            "code": person.language,
                            "display": _LANGUAGE_NAMES[person.language],
                        }
                    ]
                },
                "preferred": True,
            }
        ]
    return made


def _about(person: SamplePerson) -> Resource:
    return {"reference": f"Patient/{person.id}"}


def _carer(person: SamplePerson) -> Resource:
    carer = person.carer
    made: Resource = {
        "resourceType": "RelatedPerson",
        "id": f"{person.id}-carer",
        "active": True,
        "patient": _about(person),
        "relationship": [
            {
                "coding": [{"system": f"{_TERMINOLOGY}/v3-RoleCode", "code": carer.code}],
                "text": carer.relation.capitalize(),
            }
        ],
        "name": [
            {
                "text": f"{carer.given} {carer.family}",
                "family": carer.family,
                "given": [carer.given],
            }
        ],
        "telecom": [{"system": "phone", "value": carer.phone, "use": "mobile"}],
        "gender": carer.gender,
    }
    if carer.lives_with:
        made["address"] = [
            {"line": [person.street], "city": person.town, "postalCode": person.postcode}
        ]
    return made


def _conditions(person: SamplePerson) -> Iterator[Resource]:
    for number, (code, words) in enumerate(person.story["conditions"], 1):
        began = person.penned - timedelta(days=500 * number)
        yield {
            "resourceType": "Condition",
            "id": f"{person.id}-condition-{number}",
            "clinicalStatus": _coded("condition-clinical", "active"),
            "verificationStatus": _coded("condition-ver-status", "confirmed"),
            "category": [_coded("condition-category", "problem-list-item")],
            "code": _snomed(code, words),
            "subject": _about(person),
            "onsetDateTime": f"{began:%Y-%m}",
        }


def _observations(person: SamplePerson, definition: HubDefinition) -> Iterator[Resource]:
    at = _morning(person.last_review, definition)
    seed = int(person.nhs_number[3:9])
    yield _observation(person, "frailty", "763264000", "Rockwood clinical frailty scale", at) | {
        "category": [_coded("observation-category", "survey")],
        "valueInteger": person.frailty,
    }
    yield _observation(person, "weight", "27113001", "Body weight", at) | {
        "valueQuantity": _quantity(46 + seed % 45, "kg", "kg")
    }
    upper = 108 + seed % 50
    yield _observation(person, "blood-pressure", "75367002", "Blood pressure", at) | {
        "component": [
            {
                "code": _snomed("271649006", "Systolic blood pressure"),
                "valueQuantity": _quantity(upper, "mmHg", "mm[Hg]"),
            },
            {
                "code": _snomed("271650006", "Diastolic blood pressure"),
                "valueQuantity": _quantity(upper - 45 - seed % 12, "mmHg", "mm[Hg]"),
            },
        ]
    }


def _observation(person: SamplePerson, name: str, code: str, words: str, at: str) -> Resource:
    return {
        "resourceType": "Observation",
        "id": f"{person.id}-{name}",
        "status": "final",
        "category": [_coded("observation-category", "vital-signs")],
        "code": _snomed(code, words),
        "subject": _about(person),
        "effectiveDateTime": at,
        "performer": [{"reference": f"Practitioner/{person.gp}"}],
    }


def _allergy(person: SamplePerson) -> Resource:
    made: Resource = {
        "resourceType": "AllergyIntolerance",
        "id": f"{person.id}-allergy",
        "clinicalStatus": _coded("allergyintolerance-clinical", "active"),
        "verificationStatus": _coded("allergyintolerance-verification", "confirmed"),
        "patient": _about(person),
    }
    if person.allergy is None:
        return made | {"code": _snomed("716186003", "No known allergy")}
    code, words, reaction, category = _ALLERGIES[person.allergy]
    return made | {
        "category": [category],
        "criticality": "high",
        "code": _snomed(code, words),
        "reaction": [{"manifestation": [{"text": reaction}], "severity": "moderate"}],
    }


def _medicines(person: SamplePerson) -> Iterator[Resource]:
    for number, words in enumerate(person.story["medicines"], 1):
        what, _, how = words.partition(", ")
        yield {
            "resourceType": "MedicationStatement",
            "id": f"{person.id}-medicine-{number}",
            "status": "active",
            "medicationCodeableConcept": {"text": what},
            "subject": _about(person),
            "effectiveDateTime": person.penned.isoformat(),
            "dosage": [{"text": how or "As the label says"}],
        }


def _risk(person: SamplePerson) -> Resource:
    return {
        "resourceType": "RiskAssessment",
        "id": f"{person.id}-risk",
        "status": "final",
        "subject": _about(person),
        "occurrenceDateTime": person.last_review.isoformat(),
        "prediction": [
            {
                "outcome": {"text": "Emergency admission in the next 12 months"},
                "qualitativeRisk": {
                    "coding": [
                        {
                            "system": f"{systems.CAREHUB}/CodeSystem/risk-bands",
                            "code": person.band,
                        }
                    ]
                },
            }
        ],
    }


def _morning(day: date, definition: HubDefinition) -> str:
    return datetime.combine(day, time(10), ZoneInfo(definition.time_zone)).isoformat()


def _coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": f"{_TERMINOLOGY}/{system}", "code": code}]}


def _snomed(code: str, words: str) -> Resource:
    return {
        "coding": [{"system": systems.SNOMED_CT, "code": code, "display": words}],
        "text": words,
    }


def _quantity(value: int, unit: str, code: str) -> Resource:
    return {
        "value": value,
        "unit": unit,
        "system": "http://unitsofmeasure.org",
        "code": code,
    }
