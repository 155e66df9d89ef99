"""Every UK Core example keeps its own profile, or it is said here which rule it breaks and why."""

from typing import Any

from fhir import jsontext
from fhir.registry.profiles import profile_urls
from fhir.validation.review import review
from tests.shared_data import data

UKCORE = "https://fhir.hl7.org.uk/StructureDefinition/"

OWN = {
    "UKCore-Observation-Group-FullBloodCount-Example.json": "UKCore-Observation-Group-Lab",
    "UKCore-Observation-HeavyDrinker-Example.json": "UKCore-Observation-AlcoholConsumption",
    "UKCore-Observation-NPEWSTotal-Example.json": "UKCore-Observation-EarlyWarningTotalScore",
    "UKCore-Observation-OxygenTherapy-Example.json": "UKCore-Observation-InspiredOxygen",
    "UKCore-Observation-PatientConsciousness-Example.json": "UKCore-Observation-ACVPU",
}
"""Examples whose file name does not begin with the name of their profile."""

BREAKS = {
    "Extension-UKCore-ConditionEpisode-Example.json": (
        {"Condition.extension[0].value[x]", "Condition.extension[0].value"},
        "one extension with a CodeableConcept and a second value: not legal R4 either",
    ),
}
"""File -> the places where it breaks a rule, and which."""


def own_profile(name: str, resource: dict[str, Any]) -> str:
    """Return the profile an example is an example of; of an extension, that of its resource."""
    if name in OWN:
        return UKCORE + OWN[name]
    known = sorted((url.removeprefix(UKCORE) for url in profile_urls()), key=len, reverse=True)
    for each in known:
        if name.startswith(f"{each}-") and not name.startswith("Extension"):
            return UKCORE + each
    return f"{UKCORE}UKCore-{resource['resourceType']}"


def test_every_uk_core_example_keeps_its_own_profile() -> None:
    paths = sorted(data("ukcore-examples").glob("*.json"))
    broken = {}
    supported = 0
    for path in paths:
        resource = jsontext.parse(path.read_bytes())[0]
        profile = own_profile(path.name, resource)
        assert profile in profile_urls(), profile
        issues = review(resource, profiles=[profile])
        if wrong := {i.expression for i in issues if i.severity == "error"}:
            broken[path.name] = wrong
        supported += any("must support" in issue.text for issue in issues)
    assert broken == {name: places for name, (places, _why) in BREAKS.items()}
    assert len(paths) == 99
    # Most leave something out that a system must be able to hold.
    assert supported > 60


def test_every_known_profile_refuses_the_example_of_another_type() -> None:
    path = data("ukcore-examples") / "UKCore-Slot-AvailableWalkInVisit-Example.json"
    slot = jsontext.parse(path.read_bytes())[0]
    for url in profile_urls():
        wrong = [i for i in review(slot, profiles=[url]) if i.severity == "error"]
        assert bool(wrong) != url.endswith("/UKCore-Slot"), url
