"""Measures: who belongs to which population, and what comes of it.

https://hl7.org/fhir/R4/measure.html, https://hl7.org/fhir/R4/measurereport.html; the order of the
populations is that of the HQMF flow charts that R4 refers to.
"""

from fhir.measures.definition import INITIAL, Criterion, Group, Stratifier, read_measure
from fhir.measures.report import Subject, place, report

__all__ = [
    "INITIAL",
    "Criterion",
    "Group",
    "Stratifier",
    "Subject",
    "place",
    "read_measure",
    "report",
]
