"""How two codes of one code system stand to each other.

https://hl7.org/fhir/R4/codesystem-operation-subsumes.html
"""

from enum import StrEnum

from fhir.outcomes import NotFoundError
from fhir.terminology.code_system import CodeSystem


class Outcome(StrEnum):
    EQUIVALENT = "equivalent"
    SUBSUMES = "subsumes"
    SUBSUMED_BY = "subsumed-by"
    NOT_SUBSUMED = "not-subsumed"


def known(system: CodeSystem, code: str) -> str:
    """Return a code as the code system spells it. Raises NotFoundError naming it."""
    found = system.concept(code)
    if found is None:
        raise NotFoundError(f"the code system {system.url} has no code {code}", code="not-found")
    return found.code


def relation(system: CodeSystem, code_a: str, code_b: str) -> Outcome:
    a, b = known(system, code_a), known(system, code_b)
    if a == b:
        return Outcome.EQUIVALENT
    if a in system.ancestors(b):
        return Outcome.SUBSUMES
    if b in system.ancestors(a):
        return Outcome.SUBSUMED_BY
    return Outcome.NOT_SUBSUMED
