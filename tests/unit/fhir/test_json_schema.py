"""JSON schemas of R4 types agree with the validator, as far as a schema can tell."""

import json
from typing import Any

import jsonschema_rs
import pytest

from fhir.json_schema import schemas
from fhir.registry import SUPPORTED_TYPES, UNSTORED_TYPES
from fhir.validation import validate
from tests import shared_data

MADE = schemas([*SUPPORTED_TYPES, *UNSTORED_TYPES], "#/$defs/")


def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": MADE})


def test_every_schema_has_what_it_refers_to() -> None:
    text = json.dumps(MADE)
    for name in SUPPORTED_TYPES:
        assert MADE[name]["properties"]["resourceType"] == {"const": name}
    assert all(f'"{name}"' in text for name in ("Patient.contact", "codes.task-status", "Timing"))
    assert validator("Questionnaire").is_valid(
        {
            "resourceType": "Questionnaire",
            "status": "active",
            "item": [
                {"linkId": "1", "type": "group", "item": [{"linkId": "2", "type": "display"}]}
            ],
        }
    )


PATIENT: dict[str, Any] = {"resourceType": "Patient", "name": [{"family": "Lovelace"}]}
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "weight"},
}


@pytest.mark.parametrize(
    "value",
    [
        PATIENT | {"resourceType": "Person"},
        PATIENT | {"nickname": "Ada"},
        PATIENT | {"name": {"family": "Lovelace"}},
        PATIENT | {"name": []},
        PATIENT | {"gender": "f"},
        PATIENT | {"birthDate": "10.12.1815"},
        PATIENT | {"active": "true"},
        PATIENT | {"id": "not an id"},
        PATIENT | {"contact": [{"nickname": "Ada"}]},
        PATIENT | {"multipleBirthInteger": 1.5},
        {key: value for key, value in OBSERVATION.items() if key != "status"},
        {key: value for key, value in OBSERVATION.items() if key != "code"},
        OBSERVATION | {"valueQuantity": {"value": "1"}},
        OBSERVATION | {"effectiveInstant": "2026-01-01T00:00:00"},
        OBSERVATION | {"extension": [{"valueString": "no url"}]},
    ],
)
def test_what_a_schema_refuses_the_validator_refuses(value: dict[str, Any]) -> None:
    assert not validator(
        value["resourceType"] if value["resourceType"] != "Person" else "Patient"
    ).is_valid(value)
    if value["resourceType"] != "Person":
        assert validate(value)


def test_a_required_primitive_may_be_there_by_its_extension_only() -> None:
    absent = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason"}
    value = {key: each for key, each in OBSERVATION.items() if key != "status"}
    value["_status"] = {"extension": [absent | {"valueCode": "unknown"}]}
    assert validate(value) == []
    assert validator("Observation").is_valid(value)


def test_every_official_example_that_is_valid_fits_its_schema() -> None:
    checks = {name: validator(name) for name in SUPPORTED_TYPES}
    seen, misfits = 0, []
    for example in shared_data.resources(shared_data.data("r4-examples")):
        kind = example.get("resourceType")
        if kind not in checks or validate(example):
            continue
        seen += 1
        plain = json.loads(json.dumps(example, default=float))
        misfits += [
            f"{kind}/{example.get('id')}: {error.message}"
            for error in checks[kind].iter_errors(plain)
        ]
    assert misfits == []
    assert seen > 200
