"""Compartments: what belongs to a Patient, Practitioner, Encounter, RelatedPerson or Device.

https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from fhir.outcomes import NotFoundError
from fhir.registry.search_parameters import (
    compartment_parameters,
    compartments,
    search_parameters,
)
from fhir.search.criteria import AnyCriterion, Criterion, IdCriterion, ReferenceCriterion


def members(compartment: str) -> tuple[str, ...]:
    """Return the types that can be in a compartment. Raises NotFoundError where it is none."""
    found = compartments()
    if compartment not in found:
        raise NotFoundError(
            f"{compartment} has no compartment; those that have one are {', '.join(found)}",
            code="not-supported",
        )
    return found[compartment]


def within(compartment: str, record_id: str, resource_type: str) -> Criterion:
    """Return the criterion for records of a type that are in the compartment of a record."""
    if resource_type not in members(compartment):
        raise NotFoundError(
            f"no {resource_type} is in the compartment of a {compartment}; "
            f"the types that are: {', '.join(members(compartment))}",
            code="not-supported",
        )
    known = search_parameters(resource_type)
    reference = f"{compartment}/{record_id}"
    inner: list[Criterion] = [
        ReferenceCriterion(known[code], (reference,))
        for code in compartment_parameters(compartment, resource_type)
    ]
    if resource_type == compartment:
        inner.append(IdCriterion((record_id,)))
    return inner[0] if len(inner) == 1 else AnyCriterion(tuple(inner))
