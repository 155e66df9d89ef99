"""What two versions of a record are found by, where hardly anything differs between them."""

from typing import Any

import pytest

from fhir.registry import SUPPORTED_TYPES
from fhir.search.index import index
from fhir.systems import MANAGED_TAG_CODE, MANAGED_TAG_SYSTEM
from hub.records.row import row_of, rows_apart

MANAGED = {"tag": [{"system": MANAGED_TAG_SYSTEM, "code": MANAGED_TAG_CODE}]}
FOREIGN: list[dict[str, Any]] = [
    {
        "resourceType": "Task",
        "id": "t",
        "meta": {"versionId": "1"},
        "status": "requested",
        "intent": "order",
        "for": {"reference": "Patient/p"},
        "owner": {"reference": "Practitioner/asha"},
    },
    {
        "resourceType": "CareTeam",
        "id": "c",
        "status": "active",
        "subject": {"reference": "Patient/p"},
        "participant": [{"member": {"reference": "Practitioner/asha"}}],
    },
]


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda each: each["resourceType"])
def test_a_record_that_is_adopted_as_it_is_opens_the_person_to_those_it_names(
    foreign: dict[str, Any],
) -> None:
    # The tag alone makes it the hub's own: nothing else differs.
    adopted = {**foreign, "meta": MANAGED}

    old, new = rows_apart(foreign, adopted, row_of(adopted))

    assert {(person, party) for person, party, _ in new.relationships - old.relationships} == {
        ("p", "Practitioner/asha")
    }
    given_up, _ = rows_apart(adopted, foreign, row_of(foreign))
    assert given_up.relationships == new.relationships


def test_versions_that_differ_in_nothing_exchange_no_rows() -> None:
    for resource in FOREIGN:
        old, new = rows_apart(resource, dict(resource), row_of(resource))
        assert (old.strings, old.dates, old.quantities) == (set(), set(), set())
        assert old == new


@pytest.mark.parametrize("resource_type", SUPPORTED_TYPES)
def test_id_and_meta_have_no_rows_in_any_type(resource_type: str) -> None:
    meta = {
        "versionId": "1",
        "lastUpdated": "2026-11-27T10:00:00Z",
        "source": "https://a.example.org#1",
        "profile": ["https://a.example.org/StructureDefinition/p"],
        "security": [{"system": "https://a.example.org", "code": "s", "display": "words"}],
        **MANAGED,
    }

    found = index({"resourceType": resource_type, "id": "1", "meta": meta})

    assert found.keys
    assert (found.strings, dict(found.dates), found.quantities) == ((), {}, ())
