"""Transactions and batches: what each entry asks, in which order, and what refers to what.

https://hl7.org/fhir/R4/http.html#transaction
"""

from fhir.bundle.addresses import parameters
from fhir.bundle.entries import Entry, in_order, read
from fhir.bundle.links import Links, conditional_references, unresolved

__all__ = [
    "Entry",
    "Links",
    "conditional_references",
    "in_order",
    "parameters",
    "read",
    "unresolved",
]
