"""What FHIR R4 says, as data: types, elements, bindings, reference targets, search parameters.

Generated from the official definitions (https://hl7.org/fhir/R4/downloads.html) by
``fhir.registry.generate`` and loaded one type at a time, when first asked for.
"""

from fhir.registry.types import SUPPORTED_TYPES, UNSTORED_TYPES

__all__ = ["SUPPORTED_TYPES", "UNSTORED_TYPES"]
