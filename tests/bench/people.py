"""Deterministic people for measuring: of each a Patient and their care, as transaction bundles.

The same seed gives the same people. Nobody is real; names are put together from syllables.
"""

import itertools
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

PRACTITIONERS = 200
ORGANIZATIONS = 20
STATUSES = ("requested", "accepted", "in-progress", "completed", "on-hold")
_SYLLABLES = [
    "an",
    "bel",
    "cor",
    "dan",
    "el",
    "fer",
    "gar",
    "hol",
    "im",
    "jen",
    "kal",
    "lor",
    "mar",
    "nor",
    "ol",
    "per",
    "quin",
    "ros",
    "sal",
    "tor",
    "ul",
    "ver",
    "wil",
    "yar",
]
_FAMILIES = [
    (a + b + c).capitalize()
    for a, b, c in itertools.product(_SYLLABLES[:10], _SYLLABLES[8:18], _SYLLABLES[14:24])
]
_GIVEN = [(a + b).capitalize() for a, b in itertools.product(_SYLLABLES, _SYLLABLES[:8])]
_TASKS = (
    ("307824009", "Administrative statuses"),
    ("710824005", "Assessment of health and social care needs"),
    ("370892003", "Care plan meeting"),
    ("385763009", "Hospice care"),
    ("183616001", "Follow-up arranged"),
)
_CONDITIONS = (
    ("44054006", "Diabetes mellitus type 2"),
    ("38341003", "Hypertensive disorder"),
    ("195967001", "Asthma"),
    ("13645005", "Chronic obstructive lung disease"),
    ("84114007", "Heart failure"),
)
_MEASUREMENTS = (
    ("8480-6", "Systolic blood pressure", "mm[Hg]", 90, 180),
    ("4548-4", "Hemoglobin A1c", "%", 4, 12),
    ("29463-7", "Body weight", "kg", 45, 140),
    ("8867-4", "Heart rate", "/min", 50, 110),
)
_V2 = "http://terminology.hl7.org/CodeSystem/v2-0203"
SNOMED = "http://snomed.info/sct"

Resource = dict[str, Any]


def _coded(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class People:
    """A district of people, always the same for one seed."""

    def __init__(self, seed: int = 20260101) -> None:
        self._random = random.Random(seed)

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _moment(self, first: int, last: int) -> datetime:
        r = self._random
        return datetime(
            r.randint(first, last), r.randint(1, 12), r.randint(1, 28),
            r.randint(0, 23), r.randint(0, 59), r.randint(0, 59), tzinfo=UTC,
        )  # fmt: skip

    def staff(self) -> Resource:
        """Return the bundle of organisations and practitioners, with ids of their own."""
        entries = [
            _put(
                {
                    "resourceType": "Organization",
                    "id": f"bench-org-{n}",
                    "identifier": [{"system": "https://bench.example/org", "value": f"ORG{n:04d}"}],
                    "active": True,
                    "name": f"Care organisation {n}",
                    "address": [{"line": [f"{n} Main Street"], "city": "Northtown"}],
                }
            )
            for n in range(ORGANIZATIONS)
        ]
        entries += [
            _put(
                {
                    "resourceType": "Practitioner",
                    "id": f"bench-prac-{n}",
                    "identifier": [{"system": "https://bench.example/npi", "value": f"{n:010d}"}],
                    "active": True,
                    "name": [
                        {
                            "use": "official",
                            "family": self._random.choice(_FAMILIES),
                            "given": [self._random.choice(_GIVEN)],
                            "prefix": ["Dr"],
                        }
                    ],
                    "gender": self._random.choice(["male", "female"]),
                }
            )
            for n in range(PRACTITIONERS)
        ]
        return {"resourceType": "Bundle", "type": "transaction", "entry": entries}

    def patient(self, number: int) -> Resource:
        r = self._random
        family, given = r.choice(_FAMILIES), r.choice(_GIVEN)
        born = date(r.randint(1930, 2015), r.randint(1, 12), r.randint(1, 28))
        return {
            "resourceType": "Patient",
            "meta": {
                "profile": ["https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient"],
            },
            "text": {
                "status": "generated",
                "div": '<div xmlns="http://www.w3.org/1999/xhtml">'
                f"Generated patient {number}: {given} {family}, born {born}</div>",
            },
            "identifier": [
                {
                    "use": "usual",
                    "type": _coded(_V2, "MR", "Medical Record Number"),
                    "system": "https://bench.example/mrn",
                    "value": f"MRN{number:07d}",
                },
                {
                    "type": {"coding": [{"system": _V2, "code": "SS"}]},
                    "system": "https://bench.example/ssn",
                    "value": f"999-{number % 90 + 10:02d}-{number % 10000:04d}",
                },
            ],
            "active": True,
            "name": [
                {
                    "use": "official",
                    "family": family,
                    "given": [given, r.choice(_GIVEN)[0]],
                    "prefix": ["Mx"],
                }
            ],
            "telecom": [
                {"system": "phone", "value": f"01632 960{r.randint(0, 999):03d}", "use": "home"},
                {"system": "email", "value": f"p{number}@example.org"},
            ],
            "gender": r.choice(["male", "female", "other"]),
            "birthDate": born.isoformat(),
            "address": [
                {
                    "use": "home",
                    "line": [f"{r.randint(1, 999)} {r.choice(_FAMILIES)} Street"],
                    "city": "Northtown",
                    "district": "Northshire",
                    "postalCode": f"ZZ{r.randint(1, 99)} {r.randint(1, 9)}ZZ",
                    "country": "GB",
                }
            ],
            "maritalStatus": _coded(
                "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "M", "Married"
            ),
            "communication": [{"language": _coded("urn:ietf:bcp:47", "en-GB", "English")}],
        }

    def bundle(self, number: int, *, tasks: int = 5, observations: int = 3) -> Resource:
        """Return one person's transaction: 4 resources, their tasks and their observations."""
        r = self._random
        ids = {name: self._uuid() for name in ("patient", "condition", "encounter", "plan")}
        links = {name: {"reference": f"urn:uuid:{value}"} for name, value in ids.items()}
        doctor = {"reference": f"Practitioner/bench-prac-{r.randrange(PRACTITIONERS)}"}
        organization = {"reference": f"Organization/bench-org-{r.randrange(ORGANIZATIONS)}"}
        patient = self.patient(number)
        patient["managingOrganization"] = organization
        patient["generalPractitioner"] = [doctor]
        began = self._moment(2022, 2025)
        problem = _coded(SNOMED, *r.choice(_CONDITIONS))
        resources = [
            (ids["patient"], patient),
            (
                ids["encounter"],
                {
                    "resourceType": "Encounter",
                    "status": "finished",
                    "class": {
                        "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
                        "code": "AMB",
                    },
                    "type": [_coded(SNOMED, "162673000", "General examination of patient")],
                    "subject": links["patient"],
                    "participant": [{"individual": doctor}],
                    "period": {
                        "start": _written(began),
                        "end": _written(began + timedelta(minutes=30)),
                    },
                    "serviceProvider": organization,
                },
            ),
            (
                ids["condition"],
                {
                    "resourceType": "Condition",
                    "clinicalStatus": {
                        "coding": [
                            {
                                "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                                "code": "active",
                            }
                        ]
                    },
                    "code": problem,
                    "subject": links["patient"],
                    "encounter": links["encounter"],
                    "onsetDateTime": _written(began),
                    "recordedDate": _written(began),
                },
            ),
            (
                ids["plan"],
                {
                    "resourceType": "CarePlan",
                    "status": "active",
                    "intent": "plan",
                    "title": f"Care plan for {problem['text']}",
                    "subject": links["patient"],
                    "period": {"start": _written(began)},
                    "author": doctor,
                    "addresses": [links["condition"]],
                    "activity": [
                        {
                            "detail": {
                                "kind": "ServiceRequest",
                                "code": _coded(SNOMED, code, display),
                                "status": "in-progress",
                                "description": display,
                            }
                        }
                        for code, display in _TASKS[:3]
                    ],
                },
            ),
        ]
        resources += [(self._uuid(), self._task(number, n, links, doctor)) for n in range(tasks)]
        resources += [(self._uuid(), self._observation(links, began)) for _ in range(observations)]
        return {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {
                    "fullUrl": f"urn:uuid:{value}",
                    "resource": resource,
                    "request": {"method": "POST", "url": resource["resourceType"]},
                }
                for value, resource in resources
            ],
        }

    def _task(
        self, number: int, place: int, links: dict[str, Resource], doctor: Resource
    ) -> Resource:
        r = self._random
        code, display = r.choice(_TASKS)
        authored = self._moment(2023, 2025)
        return {
            "resourceType": "Task",
            "identifier": [
                {"system": "https://bench.example/task", "value": f"T{number:07d}-{place}"}
            ],
            "basedOn": [links["plan"]],
            "status": r.choice(STATUSES),
            "intent": "order",
            "priority": r.choice(["routine", "urgent", "asap"]),
            "code": _coded(SNOMED, code, display),
            "description": f"{display} for patient {number}, step {place}",
            "focus": links["condition"],
            "for": links["patient"],
            "encounter": links["encounter"],
            "executionPeriod": {"start": _written(authored)},
            "authoredOn": _written(authored),
            "lastModified": _written(authored + timedelta(days=2)),
            "requester": doctor,
            "owner": {"reference": f"Practitioner/bench-prac-{r.randrange(PRACTITIONERS)}"},
            "restriction": {"period": {"end": _written(authored + timedelta(days=14))}},
            "note": [{"text": "Call the person before the visit and confirm transport. " * 2}],
        }

    def _observation(self, links: dict[str, Resource], when: datetime) -> Resource:
        code, display, unit, low, high = self._random.choice(_MEASUREMENTS)
        return {
            "resourceType": "Observation",
            "status": "final",
            "category": [
                {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                            "code": "vital-signs",
                        }
                    ]
                }
            ],
            "code": _coded("http://loinc.org", code, display),
            "subject": links["patient"],
            "encounter": links["encounter"],
            "effectiveDateTime": _written(when),
            "issued": _written(when),
            "valueQuantity": {
                "value": round(self._random.uniform(low, high), 1),
                "unit": unit,
                "system": "http://unitsofmeasure.org",
                "code": unit,
            },
        }

    def bundles(self, count: int) -> Iterator[Resource]:
        for number in range(count):
            yield self.bundle(number)


def _put(resource: Resource) -> Resource:
    return {
        "resource": resource,
        "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"},
    }
