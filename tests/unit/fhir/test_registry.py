"""What the registry says of R4, and that it is what the official definitions say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fhir import r4, registry
from fhir.registry import SUPPORTED_TYPES
from fhir.registry import generate as generator
from tests.shared_data import data


def test_an_element_is_described_by_its_path() -> None:
    family = registry.element("Patient.contact.name.family")
    assert (family.path, family.types, family.min, family.max) == (
        "HumanName.family",
        ("string",),
        0,
        1,
    )
    value = registry.element("Observation.value")
    assert value.choice
    assert value.members["valueQuantity"] == "Quantity"
    assert registry.element("Patient.generalPractitioner").targets == {
        "Organization",
        "Practitioner",
        "PractitionerRole",
    }
    assert registry.element("Questionnaire.item.item.item.linkId").min == 1
    assert registry.element("Patient.name").many
    for wrong in ("Patient.pet", "Patient", "Robot.name", "Observation.value.unit"):
        with pytest.raises(KeyError):
            registry.element(wrong)


def test_required_codes_are_listed_by_system() -> None:
    gender = registry.element("Patient.gender")
    assert gender.codes is not None
    systems = registry.required_codes(gender.codes)
    assert systems is not None
    assert set(systems) == {"http://hl7.org/fhir/administrative-gender"}
    assert set().union(*systems.values()) == {"male", "female", "other", "unknown"}
    assert registry.required_codes("http://hl7.org/fhir/ValueSet/mimetypes") is None


def test_every_supported_type_is_a_type_of_r4() -> None:
    assert set(SUPPORTED_TYPES) <= registry.resource_types()
    assert list(SUPPORTED_TYPES) == sorted(SUPPORTED_TYPES)
    assert registry.is_supported("Task")
    assert not registry.is_supported("Bundle")
    assert registry.is_domain_resource("Task")
    assert not registry.is_domain_resource("Binary")


def test_every_type_that_an_element_names_is_described() -> None:
    for kind in registry.resource_types():
        for element, of_type in registry.members(kind).values():
            if of_type not in registry.PRIMITIVES and of_type != "Resource":
                assert registry.elements(element.owner or of_type)
            assert element.targets <= registry.resource_types() | {"Resource"}, element.path


def test_the_committed_definitions_are_what_the_generator_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator, "DEFINITIONS", tmp_path)
    generator.main(data("r4-definitions"))
    for written in sorted(tmp_path.iterdir()):
        committed = Path(registry.__file__).parent / "definitions" / written.name
        assert written.read_bytes() == committed.read_bytes(), written.name


def test_the_door_to_the_models_is_lazy_and_knows_r4_only() -> None:
    task = r4.Task.model_validate({"resourceType": "Task", "status": "draft", "intent": "order"})
    assert json.loads(task.model_dump_json())["status"] == "draft"
    with pytest.raises(AttributeError, match="no resource type"):
        _ = r4.Robot


def test_the_models_are_not_loaded_before_they_are_asked_for() -> None:
    code = (
        "import sys, fhir.validation, fhir.registry;"
        "assert not [m for m in sys.modules if m.startswith('fhir.resources')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
