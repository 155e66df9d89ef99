"""Required bindings: a code must be one of those that R4 lists.

https://hl7.org/fhir/R4/terminologies.html#required
"""

from functools import cache
from typing import Any

from fhir import registry


@cache
def codes(canonical: str) -> frozenset[str] | None:
    """Return every code of a required value set; None: no finite list stands behind it."""
    systems = registry.required_codes(canonical)
    return None if systems is None else frozenset().union(*systems.values())


@cache
def _pairs(canonical: str) -> frozenset[tuple[str, str]] | None:
    systems = registry.required_codes(canonical)
    if systems is None:
        return None
    return frozenset((system, code) for system, listed in systems.items() for code in listed)


def is_bound(kind: str, canonical: str, value: Any) -> bool:
    """Say whether a value (of good structure) has a code of the required value set."""
    if kind == "CodeableConcept":
        pairs = _pairs(canonical)
        if pairs is None or ("extension" in value and not {"coding", "text"} & value.keys()):
            return True
        return any(_in(pairs, canonical, coding) for coding in value.get("coding", ()))
    if kind in {"Coding", "Quantity"}:
        pairs = _pairs(canonical)
        return pairs is None or _in(pairs, canonical, value)
    allowed = codes(canonical)
    return allowed is None or value in allowed


def _in(pairs: frozenset[tuple[str, str]], canonical: str, coding: dict[str, Any]) -> bool:
    system, code = coding.get("system"), coding.get("code")
    if system is None:
        # BaRS examples leave the system out; no other system contradicts the code then.
        return code in (codes(canonical) or ())
    return (system, code) in pairs


def allowed(canonical: str) -> str:
    """List the codes in words, the first of them where there are many."""
    listed = sorted(codes(canonical) or ())
    return ", ".join(listed[:20]) + (", ..." if len(listed) > 20 else "")
