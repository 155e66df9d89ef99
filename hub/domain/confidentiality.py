"""Who is hidden: security labels of a Patient (http://hl7.org/fhir/R4/v3/Confidentiality)."""

from typing import Any

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
RESTRICTED = "R"
_HIDING = frozenset({RESTRICTED, "V", "REDACTED"})
"""Restricted, very restricted, and what the Personal Demographics Service calls redacted."""


def is_restricted(patient: dict[str, Any]) -> bool:
    """Say whether where and how somebody can be reached is for few eyes only."""
    return any(
        each.get("system") == CONFIDENTIALITY and each.get("code") in _HIDING
        for each in (patient.get("meta") or {}).get("security") or ()
    )
