"""The hub's own code systems and value sets, as its definition makes them."""

import re
from pathlib import Path

import pytest
from flask import Flask

from fhir.systems import (
    BUSINESS_STATUS,
    CAREHUB,
    CONSENT_BASIS,
    PLAN_SECTION,
    ROLE,
    SERVICE,
    STATUS_REASON,
    TASK_CODE,
)
from fhir.terminology import Composition
from fhir.validation import validate
from hub.domain.actor import hub_actor
from hub.domain.register import CPR_CODES, STAGE_CODES, PlaceOfDeath, PreferredPlace
from hub.records import terminology
from hub.samples import SOUTHEND
from hub.services import code_systems, definitions, task_content
from hub.settings import ROOT
from hub.transaction import transaction

HUB = hub_actor("test")
SERVICES = ROOT / "hub" / "services"


@pytest.fixture
def asked(app: Flask) -> Composition:
    with transaction():
        definitions.load(HUB, SOUTHEND)
    return Composition(terminology.holdings(HUB))


def codes(asked: Composition, name: str) -> set[str]:
    value_set = asked.value_set(f"{CAREHUB}/ValueSet/{name}")
    return {code for _, code in asked.members(value_set)}


def test_what_is_made_is_legal(asked: Composition) -> None:
    hub = definitions.current()

    made = code_systems.resources(hub)

    assert len(made) > 40
    assert [each["url"] for each in made if validate(each)] == []
    assert len({each["url"] for each in made}) == len(made)
    assert {each["version"] for each in made} == {hub.version}


@pytest.mark.parametrize(
    ("system", "code", "display"),
    [
        (SERVICE, "palliative", "Palliative and end-of-life care"),
        (ROLE, "gp", "GP"),
        (ROLE, "key-worker", "Key worker"),
        (PLAN_SECTION, "goals", "Goals"),
        (BUSINESS_STATUS, "first-contact", "First contact"),
        (CONSENT_BASIS, "best-interests", "Best interests"),
        (STATUS_REASON, "no-capacity", "No room left today"),
        (TASK_CODE, "triage", "Triage of a referral"),
        (f"{CAREHUB}/CodeSystem/risk-bands", "very-high", "Very high"),
    ],
)
def test_the_hubs_codes_have_words(
    asked: Composition, system: str, code: str, display: str
) -> None:
    concept = asked.system(system).concept(code)

    assert concept is not None
    assert concept.display == display


def test_every_step_of_a_referral_is_a_code(asked: Composition) -> None:
    assert codes(asked, "referral-step") == task_content.REFERRAL_STEPS


def test_the_lists_of_the_register_are_value_sets(asked: Composition) -> None:
    for name, listed in (
        ("register-preferred-place", set(PreferredPlace)),
        ("register-place-of-death", set(PlaceOfDeath)),
        ("register-cpr-decision", {each.code for each in CPR_CODES.values()}),
        ("register-stage", {each.code for each in STAGE_CODES.values()}),
    ):
        assert codes(asked, name) == listed


def test_every_code_list_is_a_value_set(asked: Composition) -> None:
    for name, each in definitions.current().code_lists.items():
        assert codes(asked, name) == set(each.codes)


def test_every_kind_of_task_that_a_service_opens_is_a_code(asked: Composition) -> None:
    system = asked.system(TASK_CODE)
    opened = {
        code
        for path in sorted(SERVICES.glob("*.py"))
        for call in re.findall(
            r"tasks\.open_task\((.*?)\n    \)", path.read_text("utf-8"), re.DOTALL
        )
        for code in re.findall(r'\bcode="([a-z-]+)"', call)
    }

    assert len(opened) > 5
    assert {code for code in opened if system.concept(code) is None} == set()
    # A hub's rules may name kinds of their own.
    assert not system.complete


def test_a_hub_without_a_definition_has_no_codes_of_its_own(app: Flask) -> None:
    assert terminology.holdings(HUB).code_system(ROLE, None) is None


def test_another_definition_has_other_codes(asked: Composition, tmp_path: Path) -> None:
    for path in SOUTHEND.glob("*.yaml"):
        text = path.read_text("utf-8")
        if path.name == "roles.yaml":
            text = text.replace("name: Dietitian}", "name: Dietician}")
        (tmp_path / path.name).write_text(text, "utf-8")
    with transaction():
        definitions.load(HUB, tmp_path)

    concept = Composition(terminology.holdings(HUB)).system(ROLE).concept("dietitian")

    assert concept is not None
    assert concept.display == "Dietician"
