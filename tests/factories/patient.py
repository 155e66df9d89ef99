"""A person in the hub's records, by default with a name and a birth date only."""

from typing import Any

from fhir.systems import NHS_NUMBER
from hub import records
from hub.domain.actor import hub_actor
from hub.records import Record


def patient(
    *, nhs_number: str | None = None, practice: str | None = None, **elements: Any
) -> Record:
    """Keep a Patient; ``practice`` is the reference of the organisation they are registered with.

    Without a number nobody is taken for somebody else, however many a test makes.
    """
    resource: dict[str, Any] = {
        "resourceType": "Patient",
        "name": [{"family": "Test", "given": ["Ada"]}],
        "birthDate": "1960-05-04",
    }
    if nhs_number:
        resource["identifier"] = [{"system": NHS_NUMBER, "value": nhs_number}]
    if practice:
        resource["generalPractitioner"] = [{"reference": practice}]
    return records.create(hub_actor("set-up"), resource | elements)
