"""FHIRPath Patch as https://hl7.org/fhir/R4/fhirpatch.html says; the cases follow those of HL7."""

import pytest

from fhir.patch import patched, read_fhirpath_patch
from tests.unit.fhir.patch.operations import Json, applied, operation, part, patient, value

IDENTIFIERS = [{"system": "s", "value": "1"}, {"system": "s", "value": "2"}]
CONTACTS = [{"name": {"text": "a name"}, "gender": "male"}]
THIRD = {"system": "s", "value": "3"}
NAMES = [
    {"use": "official", "family": "Price", "given": ["Gwen", "Ann"]},
    {"use": "maiden", "family": "Hughes", "given": ["Gwen"]},
]
UNKNOWN = {"extension": [{"url": "http://a.example/why", "valueCode": "unknown"}]}
COMPONENTS: list[Json] = [
    {"code": {"text": "systolic"}, "valueQuantity": {"value": 120}},
    {"code": {"text": "note"}, "valueString": "sitting"},
]


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        # primitives
        (
            patient(birthDate="1920-01-01"),
            operation("replace", "Patient.birthDate", value(valueDate="1930-01-01")),
            patient(birthDate="1930-01-01"),
        ),
        (patient(birthDate="1920-01-01"), operation("delete", "Patient.birthDate"), patient()),
        (patient(active=True), operation("delete", "Patient.birthDate"), patient(active=True)),
        (
            patient(),
            operation("add", "Patient", part("name", "birthDate"), value(valueDate="1930-01-01")),
            patient(birthDate="1930-01-01"),
        ),
        (
            patient(active=True),
            operation("replace", "active", value(valueBoolean=False)),
            patient(active=False),
        ),
        # nested primitives
        (
            patient(contact=CONTACTS),
            operation("replace", "Patient.contact[0].gender", value(valueCode="female")),
            patient(contact=[{**CONTACTS[0], "gender": "female"}]),
        ),
        (
            patient(contact=CONTACTS),
            operation("replace", "Patient.contact.gender", value(valueCode="female")),
            patient(contact=[{**CONTACTS[0], "gender": "female"}]),
        ),
        (
            patient(contact=CONTACTS),
            operation("delete", "Patient.contact[0].gender"),
            patient(contact=[{"name": {"text": "a name"}}]),
        ),
        (
            patient(contact=[{"name": {"text": "a name"}}]),
            operation("add", "Patient.contact[0]", part("name", "gender"), value(valueCode="male")),
            patient(contact=CONTACTS),
        ),
        # complex values
        (
            patient(maritalStatus={"text": "married"}),
            operation(
                "replace", "Patient.maritalStatus", value(valueCodeableConcept={"text": "not"})
            ),
            patient(maritalStatus={"text": "not"}),
        ),
        (
            patient(maritalStatus={"text": "married"}),
            operation("delete", "Patient.maritalStatus"),
            patient(),
        ),
        (
            patient(),
            operation(
                "add",
                "Patient",
                part("name", "maritalStatus"),
                value(valueCodeableConcept={"text": "married"}),
            ),
            patient(maritalStatus={"text": "married"}),
        ),
        # backbone elements have no type of their own: their value comes in parts
        (
            patient(),
            operation(
                "add",
                "Patient",
                part("name", "contact"),
                value(
                    part=[
                        {"name": "relationship", "valueCodeableConcept": {"text": "aunt"}},
                        {"name": "relationship", "valueCodeableConcept": {"text": "carer"}},
                        {"name": "name", "valueHumanName": {"text": "a name"}},
                        {"name": "gender", "valueCode": "female"},
                    ]
                ),
            ),
            patient(
                contact=[
                    {
                        "relationship": [{"text": "aunt"}, {"text": "carer"}],
                        "name": {"text": "a name"},
                        "gender": "female",
                    }
                ]
            ),
        ),
        # lists
        (
            patient(),
            operation(
                "add", "Patient", part("name", "identifier"), value(valueIdentifier=IDENTIFIERS[0])
            ),
            patient(identifier=IDENTIFIERS[:1]),
        ),
        (
            patient(identifier=IDENTIFIERS),
            operation("add", "Patient", part("name", "identifier"), value(valueIdentifier=THIRD)),
            patient(identifier=[*IDENTIFIERS, THIRD]),
        ),
        *(
            (
                patient(identifier=IDENTIFIERS),
                operation(
                    "insert", "Patient.identifier", part("index", at), value(valueIdentifier=THIRD)
                ),
                patient(identifier=[*IDENTIFIERS[:at], THIRD, *IDENTIFIERS[at:]]),
            )
            for at in (0, 1, 2)
        ),
        (
            patient(),
            operation(
                "insert", "Patient.identifier", part("index", 0), value(valueIdentifier=THIRD)
            ),
            patient(identifier=[THIRD]),
        ),
        (
            patient(identifier=IDENTIFIERS),
            operation("delete", "Patient.identifier[0]"),
            patient(identifier=IDENTIFIERS[1:]),
        ),
        (
            patient(identifier=IDENTIFIERS[:1]),
            operation("delete", "Patient.identifier"),
            patient(),
        ),
        (
            patient(identifier=[*IDENTIFIERS, THIRD]),
            operation("move", "Patient.identifier", part("source", 2), part("destination", 0)),
            patient(identifier=[THIRD, *IDENTIFIERS]),
        ),
        (
            patient(identifier=[*IDENTIFIERS, THIRD]),
            operation("move", "Patient.identifier", part("source", 0), part("destination", 2)),
            patient(identifier=[IDENTIFIERS[1], THIRD, IDENTIFIERS[0]]),
        ),
        # paths
        (
            patient(name=NAMES),
            operation(
                "replace",
                "Patient.name.where(use = 'maiden' and given.exists()).family",
                value(valueString="Pugh"),
            ),
            patient(name=[NAMES[0], {**NAMES[1], "family": "Pugh"}]),
        ),
        (
            patient(name=NAMES),
            operation("delete", "Patient.name.first().given.where($this = 'Ann')"),
            patient(name=[{**NAMES[0], "given": ["Gwen"]}, NAMES[1]]),
        ),
        (
            patient(name=NAMES),
            operation("delete", "Patient.name.last()"),
            patient(name=NAMES[:1]),
        ),
        (
            patient(extension=[{"url": "http://a.example/x", "valueString": "1"}]),
            operation(
                "replace",
                "Patient.extension('http://a.example/x').value",
                value(valueDateTime="2026-01-01"),
            ),
            patient(extension=[{"url": "http://a.example/x", "valueDateTime": "2026-01-01"}]),
        ),
        (
            {"resourceType": "Observation", "component": COMPONENTS},
            operation(
                "replace",
                "Observation.component.value.ofType(Quantity).value",
                value(valueDecimal=130),
            ),
            {
                "resourceType": "Observation",
                "component": [
                    {**COMPONENTS[0], "valueQuantity": {"value": 130}},
                    COMPONENTS[1],
                ],
            },
        ),
        (
            {"resourceType": "Observation", "component": COMPONENTS},
            operation("delete", "Observation.component.where(value = 'sitting')"),
            {"resourceType": "Observation", "component": COMPONENTS[:1]},
        ),
        # a choice
        (
            {"resourceType": "Observation", "status": "final"},
            operation("add", "Observation", part("name", "value"), value(valueInteger=3)),
            {"resourceType": "Observation", "status": "final", "valueInteger": 3},
        ),
        # what is inside the resource can be reached, contained resources too
        (
            patient(contained=[{"resourceType": "Organization", "id": "o", "name": "A"}]),
            operation("replace", "Patient.contained[0].name", value(valueString="B")),
            patient(contained=[{"resourceType": "Organization", "id": "o", "name": "B"}]),
        ),
        (
            patient(),
            operation(
                "add",
                "Patient",
                part("name", "contained"),
                value(resource={"resourceType": "Organization", "id": "o", "name": "A"}),
            ),
            patient(contained=[{"resourceType": "Organization", "id": "o", "name": "A"}]),
        ),
        # Parameters cannot hold a Narrative
        (
            patient(text={"status": "generated", "div": "<div>a</div>"}),
            operation("replace", "Patient.text.div", value(valueString="<div>b</div>")),
            patient(text={"status": "generated", "div": "<div>b</div>"}),
        ),
        (
            patient(),
            operation(
                "add",
                "Patient",
                part("name", "text"),
                value(
                    part=[
                        {"name": "status", "valueCode": "generated"},
                        {"name": "div", "valueString": "<div>a</div>"},
                    ]
                ),
            ),
            patient(text={"status": "generated", "div": "<div>a</div>"}),
        ),
        # extensions of primitives move with them
        (
            patient(birthDate="1950", _birthDate={"id": "b"}),
            operation("delete", "Patient.birthDate"),
            patient(),
        ),
        (
            patient(birthDate="1950", _birthDate={"id": "b"}),
            operation("replace", "Patient.birthDate", value(valueDate="1951")),
            patient(birthDate="1951"),
        ),
        (
            patient(birthDate="1950"),
            operation(
                "add",
                "Patient.birthDate",
                part("name", "extension"),
                value(
                    part=[
                        {"name": "url", "valueUri": "http://a.example/t"},
                        {"name": "value", "valueString": "x"},
                    ]
                ),
            ),
            patient(
                birthDate="1950",
                _birthDate={"extension": [{"url": "http://a.example/t", "valueString": "x"}]},
            ),
        ),
        (
            patient(name=[{"given": ["a", "b", "c"], "_given": [None, {"id": "x"}, None]}]),
            operation("move", "Patient.name.given", part("source", 1), part("destination", 0)),
            patient(name=[{"given": ["b", "a", "c"], "_given": [{"id": "x"}, None, None]}]),
        ),
        (
            patient(name=[{"given": ["a", "b"], "_given": [None, {"id": "x"}]}]),
            operation("delete", "Patient.name.given[1]"),
            patient(name=[{"given": ["a"]}]),
        ),
        (
            patient(birthDate="1950", _birthDate=UNKNOWN),
            operation("delete", "Patient.birthDate.extension"),
            patient(birthDate="1950"),
        ),
        (
            patient(name=[{"given": ["a", None], "_given": [None, UNKNOWN]}]),
            operation("delete", "Patient.name.given[1].extension('http://a.example/why')"),
            patient(name=[{"given": ["a"]}]),
        ),
        (
            {"resourceType": "Observation", "component": COMPONENTS},
            operation("delete", "Observation.component.where(value.value > 119.5)"),
            {"resourceType": "Observation", "component": COMPONENTS[1:]},
        ),
        (
            patient(name=[{"given": ["a"]}]),
            operation("add", "Patient.name", part("name", "given"), value(_valueString=UNKNOWN)),
            patient(name=[{"given": ["a", None], "_given": [None, UNKNOWN]}]),
        ),
    ],
)
def test_one_operation(before: Json, change: Json, after: Json) -> None:
    assert applied(before, change) == after


def test_no_operation_changes_nothing() -> None:
    assert applied(patient(birthDate="1920-01-01")) == patient(birthDate="1920-01-01")


def test_a_choice_of_another_type_takes_the_place_of_the_old_one() -> None:
    before = {"resourceType": "Observation", "valueString": "x", "note": [{"text": "n"}]}
    after = applied(before, operation("replace", "Observation.value", value(valueInteger=1)))
    assert list(after.items()) == [
        ("resourceType", "Observation"),
        ("valueInteger", 1),
        ("note", [{"text": "n"}]),
    ]


def test_digits_of_the_value_and_of_what_stays_are_kept() -> None:
    text = (
        '{"resourceType":"Parameters","parameter":[{"name":"operation","part":['
        '{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Observation.value"},'
        '{"name":"value","valueQuantity":{"value":2.50}}]}]}'
    )
    before = (
        '{"resourceType":"Observation","valueQuantity":{"value":1.0},'
        '"referenceRange":[{"low":{"value":1.10}}]}'
    )
    after = patched(before, read_fhirpath_patch(text))
    assert after == before.replace('{"value":1.0}', '{"value":2.50}')


def test_a_value_may_refer_to_what_the_patched_resource_contains() -> None:
    before = patient(contained=[{"resourceType": "Organization", "id": "o", "name": "A"}])
    name = part("name", "managingOrganization")
    to = value(valueReference={"reference": "#o"})
    after = applied(before, operation("add", "Patient", name, to))
    assert after == {**before, "managingOrganization": {"reference": "#o"}}
