"""Every type of the patient compartment has its care date, or none for a stated reason."""

from fhir.registry.search_parameters import patient_parameters
from fhir.registry.types import SUPPORTED_TYPES
from hub.records.care_dates import CARE_DATES
from hub.records.tables import date_columns

WITHOUT = {"Group", "Patient", "Person", "RelatedPerson"}
"""Who somebody is, and who is in a group: no care on a day."""


def test_each_type_of_the_compartment_has_a_care_date() -> None:
    members = {name for name in SUPPORTED_TYPES if patient_parameters(name)}
    assert set(CARE_DATES) == members - WITHOUT


def test_each_care_date_is_a_date_with_columns() -> None:
    for resource_type, codes in CARE_DATES.items():
        assert set(codes) <= set(date_columns(resource_type)), resource_type
