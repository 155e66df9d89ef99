"""The terminology service as a pure library: expansion, membership, subsumption over what is held.

https://hl7.org/fhir/R4/terminology-service.html. ``Holdings`` says where code systems and value
sets come from; ``STANDARD`` are those of R4 itself.
"""

from fhir.terminology.code_system import CodeSystem, ListedCodeSystem
from fhir.terminology.compose import LIMIT, Composition, Member, Versions
from fhir.terminology.concepts import Concept, Designation, Property
from fhir.terminology.filters import Filter, Selection
from fhir.terminology.holdings import Chain, Holdings, Listed, canonical
from fhir.terminology.standard import STANDARD, is_member
from fhir.terminology.subsumption import Outcome, relation

__all__ = [
    "LIMIT",
    "STANDARD",
    "Chain",
    "CodeSystem",
    "Composition",
    "Concept",
    "Designation",
    "Filter",
    "Holdings",
    "Listed",
    "ListedCodeSystem",
    "Member",
    "Outcome",
    "Property",
    "Selection",
    "Versions",
    "canonical",
    "is_member",
    "relation",
]
