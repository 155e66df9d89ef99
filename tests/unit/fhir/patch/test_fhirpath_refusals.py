"""What a FHIRPath Patch may not do: each refusal names the operation and no patient."""

import json

import pytest

from fhir.outcomes import BadRequestError, FHIRError, UnprocessableError
from fhir.patch import read_fhirpath_patch
from tests.unit.fhir.patch.operations import Json, applied, operation, part, patient, value

NAMES = [
    {"use": "official", "family": "Price", "given": ["Gwen", "Ann"]},
    {"use": "maiden", "family": "Hughes", "given": ["Gwen"]},
]


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (operation("replace", "Patient.name", value(valueString="x")), 422, "leads to 2"),
        (operation("replace", "Patient.photo", value(valueString="x")), 422, "leads to none"),
        (operation("delete", "Patient.name.family"), 422, "leads to 2"),
        (operation("delete", "Patient"), 422, "the whole resource"),
        (operation("delete", "Task.owner"), 400, "begins with Task"),
        (operation("delete", "Patient.shoeSize"), 400, "no element shoeSize"),
        (
            operation("add", "Patient", part("name", "gender"), value(valueCode="male")),
            422,
            "there",
        ),
        (
            operation("add", "Patient", part("name", "pet"), value(valueCode="cat")),
            400,
            "no element pet",
        ),
        (operation("replace", "Patient.gender", value(valueString="male")), 422, "takes code"),
        (operation("replace", "Patient.gender", value(valueInteger=1)), 422, "type of the value"),
        (
            operation("replace", "Patient.name[0]", value(valueIdentifier={"value": "x"})),
            422,
            "takes HumanName",
        ),
        (
            operation(
                "add", "Patient", part("name", "contact"), value(valueHumanName={"text": "x"})
            ),
            422,
            "by parts",
        ),
        (
            operation(
                "insert", "Patient.name", part("index", 3), value(valueHumanName={"text": "x"})
            ),
            422,
            "index must be between 0 and 2",
        ),
        (
            operation(
                "insert", "Patient.name[0]", part("index", 0), value(valueHumanName={"text": "x"})
            ),
            400,
            "name of a list",
        ),
        (
            operation("insert", "Patient.gender", part("index", 0), value(valueCode="male")),
            400,
            "no list",
        ),
        (
            operation("insert", "Patient.name.given", part("index", 0), value(valueString="x")),
            422,
            "leads to 2",
        ),
        (
            operation("move", "Patient.name", part("source", 2), part("destination", 0)),
            422,
            "source must be between 0 and 1",
        ),
        (
            operation("move", "Patient.name", part("source", 0), part("destination", 2)),
            422,
            "destination must be between 0 and 1",
        ),
        (operation("delete", "Patient.name.where(family = 'Price'"), 400, "not closed"),
        (operation("delete", "Patient.name.where(family = )"), 400, "cannot be evaluated"),
        (operation("delete", "Patient.managingOrganization.resolve().name"), 400, "resolve"),
        (operation("delete", "Patient.name.where(family.matches('(a+)+b'))"), 400, "matches"),
        (operation("delete", "Patient.name.where(family.`matches`('(a+)+b'))"), 400, "plain"),
        (operation("delete", "Patient.name.where(family.matches/**/('(a+)+b'))"), 400, "plain"),
        (operation("delete", "Patient.name.where(%resource.id = 'a')"), 400, "plain"),
        (
            operation(
                "delete",
                "Patient.name.where(where(where(where(where(where(where(where(where(a))))))))",
            ),
            400,
            "deeply",
        ),
        (operation("delete", "Patient.name | Patient.photo"), 400, "joined by a dot"),
        (operation("delete", "Patient.name[-1]"), 400, "stands a number"),
        (operation("delete", "Patient..name"), 400, "name is missing"),
        (operation("delete", ""), 400, ""),
        (operation("delete", "Patient." + "a" * 2_000), 400, "1000"),
        (operation("steal", "Patient.name"), 400, "type must be one of add"),
        (operation("delete", "Patient.name", part("index", 1)), 400, "delete takes path"),
        (operation("replace", "Patient.gender"), 400, "replace takes path, value"),
        (operation("replace", "Patient.gender", value()), 400, ""),
        (operation("delete", "Patient.name", part("pet", "x")), 400, "once each"),
        (operation("delete", "Patient.name", part("path", "Patient")), 400, "once each"),
        ({"name": "change", "part": []}, 400, ""),
    ],
)
def test_what_is_refused_names_the_operation(change: Json, status: int, said: str) -> None:
    before = patient(name=NAMES, gender="female")
    with pytest.raises(FHIRError) as refused:
        applied(before, operation("delete", "Patient.birthDate"), change)
    assert refused.value.status == status, refused.value.text
    assert said in refused.value.text
    assert str(refused.value.issues[0].expression).startswith("Parameters.parameter[1]")
    assert "Price" not in refused.value.text


def test_another_resource_is_no_patch() -> None:
    for text in ('{"resourceType":"Patient"}', "[]", "7"):
        with pytest.raises(BadRequestError, match="Parameters"):
            read_fhirpath_patch(text)
    many = {"resourceType": "Parameters", "parameter": [operation("delete", "Patient.id")] * 1001}
    with pytest.raises(UnprocessableError) as refused:
        read_fhirpath_patch(json.dumps(many))
    assert refused.value.issues[0].code == "too-costly"
