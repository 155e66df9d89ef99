"""Alerts of a person, the one that matters most first, in words that can be read aloud."""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.records import Record
from hub.services import triage_inputs
from hub.web.presenters import elements, words

NOT_FOR_RESUSCITATION = "450476008"
FOR_RESUSCITATION = "450475007"
ON_REGISTER = "526631000000108"
RESUSCITATION = frozenset({0, 3})
"""Ranks of the two decisions about resuscitation."""

_NONE_KNOWN = frozenset({"716186003"})
"""SNOMED CT: no known allergy."""
_CALM = frozenset({"RA", "API", "AC", "RC", "RS"})


@dataclass(frozen=True, slots=True)
class Alert:
    title: str
    text: str
    more: str
    tone: str
    """``danger``, ``note`` or ``calm``."""
    rank: int


def of_flags(flags: Iterable[Record]) -> list[Alert]:
    """Return what stands on the flags in force, the most dangerous first."""
    found = [_of_flag(each) for each in flags if each.get("status") == "active"]
    return sorted(found, key=lambda each: (each.rank, each.title, each.text))


def of_allergies(allergies: Iterable[Record]) -> list[Alert]:
    """Return the allergies that could kill."""
    found = []
    for each in allergies:
        if elements.code(each.get("clinicalStatus")) not in {"", "active"}:
            continue
        reactions = [
            elements.concept_text(manifestation)
            for reaction in each.get("reaction", ())
            for manifestation in reaction.get("manifestation", ())
        ]
        if _NONE_KNOWN & elements.codes(each.get("code")):
            # That there is none is good to know, and no alert.
            continue
        severe = each.get("criticality") == "high"
        found.append(
            Alert(
                title="Severe allergy" if severe else "Allergy",
                text=elements.concept_text(each.get("code")),
                more=", ".join(filter(None, reactions)),
                tone="danger" if severe else "note",
                rank=4 if severe else 6,
            )
        )
    return found


def _of_flag(flag: Record) -> Alert:
    found = elements.codes(flag.get("code"))
    text = elements.concept_text(flag.get("code"))
    more = _period(flag)
    if NOT_FOR_RESUSCITATION in found:
        return Alert("Do not attempt resuscitation", _beside(text), more, "danger", 0)
    if FOR_RESUSCITATION in found:
        return Alert("For resuscitation", _beside(text), more, "note", 3)
    if ON_REGISTER in found:
        return Alert("On the end-of-life register", "", more, "calm", 5)
    category = triage_inputs.category_of({"category": flag.get("category", ())})
    title = triage_inputs.ALERT_WORDS.get(category, "Alert")
    if category in {"SG", "SS"}:
        return Alert(title, text, more, "danger", 1)
    return Alert(title, text, more, "calm" if category in _CALM else "note", 4)


def _beside(text: str) -> str:
    """Drop the code's own display: the title says it already."""
    return "" if "resuscitation" in text.casefold() else text


def _period(flag: Record) -> str:
    period = flag.get("period") or {}
    parts = []
    if period.get("start"):
        parts.append(f"since {words.short_day(period['start'])}")
    if period.get("end"):
        parts.append(f"review by {words.short_day(period['end'])}")
    return ", ".join(parts)
