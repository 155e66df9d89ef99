"""Whether a code is in a value set or a code system, and is called what somebody says.

https://hl7.org/fhir/R4/valueset-operation-validate-code.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir.terminology.code_system import CodeSystem
from fhir.terminology.compose import Composition
from fhir.terminology.concepts import Concept
from fhir.terminology.holdings import said
from fhir.terminology.wording import same


@dataclass(frozen=True, slots=True)
class Coding:
    """What is checked."""

    system: str
    code: str
    version: str | None = None
    display: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    result: bool
    message: str | None = None
    display: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What else the request says."""

    abstract: bool = True
    """Whether a code for navigation may stand here."""
    language: str | None = None


def in_value_set(
    asked: Composition, value_set: Mapping[str, Any], coding: Coding, context: Context
) -> Verdict:
    name = said(value_set.get("url", "given"), value_set.get("version"))
    member = asked.holding(value_set, [(coding.system, coding.code)]).get(
        (coding.system, coding.code)
    )
    if member is None:
        return Verdict(
            False, f"the code {coding.system}|{coding.code} is not in the value set {name}"
        )
    if coding.version and member.version and coding.version != member.version:
        return Verdict(
            False,
            f"the value set {name} has version {member.version} of {coding.system}, "
            f"not {coding.version}",
        )
    return _of_concept(member.concept, coding, context)


def in_code_system(system: CodeSystem, coding: Coding, context: Context) -> Verdict:
    concept = system.concept(coding.code)
    if concept is None:
        part = "" if system.complete else "; only a part of it is held here"
        name = said(system.url, system.version)
        return Verdict(False, f"the code system {name} has no code {coding.code}{part}")
    return _of_concept(concept, coding, context)


def any_of(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict on a CodeableConcept: one good coding is enough."""
    if len(verdicts) == 1:
        return verdicts[0]
    good = next((each for each in verdicts if each.result), None)
    if good is not None:
        return good
    return Verdict(False, "; ".join(each.message for each in verdicts if each.message))


def _of_concept(concept: Concept, coding: Coding, context: Context) -> Verdict:
    display = concept.shown(context.language)
    if concept.abstract and not context.abstract:
        return Verdict(False, f"the code {coding.code} is abstract: it may not be chosen", display)
    called = tuple(concept.words())
    if coding.display and called and not any(same(coding.display, each) for each in called):
        return Verdict(
            False,
            f"{coding.code} is not called what the display says; it is {display or called[0]}",
            display,
        )
    message = f"the code {coding.code} is inactive" if concept.inactive else None
    return Verdict(True, message, display)
