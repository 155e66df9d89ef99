"""The compartment of ``$everything`` is the one that R4 defines, on the official examples."""

import json

from flask import Flask

from fhir.registry.search_parameters import search_parameters
from fhir.registry.types import SUPPORTED_TYPES
from fhir.search.mentions import mentioned
from hub import records
from hub.domain.actor import Actor
from hub.records import compartment
from hub.transaction import transaction
from tests.conformance.test_round_trip import examples
from tests.shared_data import data

DEFINITION = "r4-definitions/compartmentdefinition-patient.json"


def test_everything_is_what_the_parameters_of_the_compartment_find(
    app: Flask, system_actor: Actor
) -> None:
    definition = json.loads(data(DEFINITION).read_bytes())
    members = {each["code"]: each["param"] for each in definition["resource"] if "param" in each}
    # R4 leaves Task out; the hub counts it by whom it is for.
    members["Task"] = ["patient"]
    people: set[str] = set()
    with transaction():
        for path, resource in examples("r4-examples"):
            text = path.read_text("utf-8")
            people |= mentioned([text]).get("Patient", set())
            identifier = resource["id"]
            records.insert_many(
                system_actor, [records.new_version(system_actor, text, id=identifier)]
            )
        # Not every person of the examples is an example.
        records.insert_many(
            system_actor,
            [
                records.new_version(system_actor, {"resourceType": "Patient"}, id=person)
                for person in people
            ],
        )

    seen = 0
    for person in sorted(people):
        expected = {f"Patient/{person}"}
        for resource_type in SUPPORTED_TYPES:
            for code in members.get(resource_type, ()):
                if code not in search_parameters(resource_type):
                    continue
                page = records.search(
                    system_actor, resource_type, [(code, f"Patient/{person}"), ("_count", "1000")]
                )
                expected |= {record.reference for record in page.records}
        found = compartment.of_patient(system_actor, person)
        references = {f"{found.type_of(each)}/{each.id}" for each in found.matches}
        assert references == expected, person
        paged = compartment.of_patient(system_actor, person, compartment.Asked(count=1000))
        assert paged.matches == found.matches
        seen += len(expected)
    assert seen > 100
