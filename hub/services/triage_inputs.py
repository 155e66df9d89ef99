"""What triage must see first, kept on the triage Task as Task.input: alerts, repeats, questions.

Readers (the SPOR page, the API) take it from the Task: nothing is worked out twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fhir.messaging.codes import FLAG_CATEGORIES
from fhir.systems import CAREHUB
from hub.domain.red_flags import RedFlag
from hub.domain.referral import Repeats

_OF_QUESTION = frozenset({"question", "answer-due"})
INPUT = f"{CAREHUB}/CodeSystem/triage-input"

ALERT = "alert"
DUPLICATE = "possible-duplicate"
REVOLVING_DOOR = "referrals-in-a-year"
SUGGESTED_PERSON = "suggested-person"
SUGGESTED_SERVICE = "suggested-service"
DOOR_RULE = "door-rule"
RED_FLAG = "red-flag"
QUESTION = "question"
"""Code of the list ``question-kinds``: what was asked of the referrer."""
ANSWER_DUE = "answer-due"
"""Instant by which the answer is due."""
ASK_FALLS = "ask-about-falls"
UPDATED = "updated-by-sender"
WRITTEN_BETWEEN = "written-in-between"
"""On the Task after a merge was taken back: a record that may be either person's."""

ALERT_ORDER = ("SG", "SS", "RT", "IR", "RA", "RC", "AC", "API", "RS")
"""Safeguarding and scene safety first; services that somebody rejected last."""

ALERT_WORDS: Mapping[str, str] = {
    "SG": "Safeguarding",
    "SS": "Scene safety",
    "RT": "ReSPECT",
    "IR": "Infection risk",
    "RA": "Reasonable adjustment",
    "RC": "Repeat caller",
    "AC": "Agency contacted",
    "API": "Additional information",
    "RS": "Rejected services",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing for triage: a reference to a record where there is one, and words."""

    reference: str | None
    words: str


@dataclass(frozen=True, slots=True)
class TriageInputs:
    """What the Task of a referral says beside its story, in the order it is to be shown."""

    alerts: tuple[Shown, ...] = ()
    duplicates: tuple[Shown, ...] = ()
    suggested_people: tuple[Shown, ...] = ()
    suggested_service: Shown | None = None
    referrals_in_a_year: int | None = None
    """Set when the revolving door turns: an MDT review and an agreed plan are offered."""
    door_rule: str | None = None
    ask_about_falls: bool = False
    question: str | None = None
    """Kind of the open question to the referrer."""
    answer_due: datetime | None = None
    """When its answer is due."""
    updates: tuple[str, ...] = ()
    red_flags: tuple[str, ...] = ()
    """Sentences of the rules that have raised the urgency."""


def entry(kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return one Task.input."""
    return {"type": {"coding": [{"system": INPUT, "code": kind}]}, **value}


def pointer(kind: str, reference: str, words: str) -> dict[str, Any]:
    return entry(kind, {"valueReference": {"reference": reference, "display": words}})


def of_repeats(repeats: Repeats) -> list[dict[str, Any]]:
    """Say what is known of earlier referrals of the same person."""
    found = [
        pointer(DUPLICATE, reference, "The same need, referred already")
        for reference in repeats.duplicates
    ]
    if repeats.revolving_door:
        found.append(entry(REVOLVING_DOOR, {"valueInteger": repeats.count}))
    return found


def of_alerts(flags: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Say the alerts of Flags (with their ids), the most dangerous first."""
    ranked = sorted(flags, key=lambda flag: (_rank(flag), str(flag.get("id"))))
    return [pointer(ALERT, f"Flag/{flag['id']}", alert_words(flag)) for flag in ranked]


def of_red_flags(flags: Iterable[RedFlag]) -> list[dict[str, Any]]:
    """Say which rules have raised the urgency, in which version."""
    return [entry(RED_FLAG, {"valueString": flag.shown}) for flag in flags]


def set_question(resource: dict[str, Any], *, kind: str | None, due: str | None) -> None:
    """Put the open question on a triage Task in place of an earlier one, or take it away."""
    others = [each for each in resource.get("input") or () if kind_of(each) not in _OF_QUESTION]
    if kind is not None and due is not None:
        others += [entry(QUESTION, {"valueCode": kind}), entry(ANSWER_DUE, {"valueInstant": due})]
    if others:
        resource["input"] = others
    else:
        resource.pop("input", None)


def kind_of(each: Mapping[str, Any]) -> str | None:
    """Return the code of one Task.input of the hub's."""
    codings = (each.get("type") or {}).get("coding") or ()
    return next((c.get("code") for c in codings if c.get("system") == INPUT), None)


def alert_words(flag: Mapping[str, Any]) -> str:
    """Say a Flag in words: its category and what it is."""
    code = flag.get("code") or {}
    coding: Mapping[str, Any] = next(iter(code.get("coding") or ()), {})
    what = code.get("text") or coding.get("display") or coding.get("code") or ""
    category = ALERT_WORDS.get(category_of(flag), "")
    return ": ".join(part for part in (category, what) if part) or "Alert"


def category_of(flag: Mapping[str, Any]) -> str:
    for concept in flag.get("category") or ():
        for coding in concept.get("coding") or ():
            if coding.get("system") == FLAG_CATEGORIES and coding.get("code"):
                return str(coding["code"])
    return ""


def read(task: Mapping[str, Any]) -> TriageInputs:
    """Read back what stands on a triage Task."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for each in task.get("input") or ():
        if kind := kind_of(each):
            by_kind.setdefault(kind, []).append(each)

    def shown(kind: str) -> tuple[Shown, ...]:
        values = (each.get("valueReference") or {} for each in by_kind.get(kind, ()))
        return tuple(Shown(v.get("reference"), str(v.get("display", ""))) for v in values)

    count = next((each.get("valueInteger") for each in by_kind.get(REVOLVING_DOOR, ())), None)
    due = next((each.get("valueInstant") for each in by_kind.get(ANSWER_DUE, ())), None)
    return TriageInputs(
        question=next((each.get("valueCode") for each in by_kind.get(QUESTION, ())), None),
        answer_due=datetime.fromisoformat(due) if due else None,
        alerts=shown(ALERT),
        duplicates=shown(DUPLICATE),
        suggested_people=shown(SUGGESTED_PERSON),
        suggested_service=next(iter(shown(SUGGESTED_SERVICE)), None),
        referrals_in_a_year=count,
        door_rule=next((each.get("valueString") for each in by_kind.get(DOOR_RULE, ())), None),
        ask_about_falls=ASK_FALLS in by_kind,
        red_flags=tuple(str(each.get("valueString", "")) for each in by_kind.get(RED_FLAG, ())),
        updates=tuple(str(each.get("valueString", "")) for each in by_kind.get(UPDATED, ())),
    )


def _rank(flag: Mapping[str, Any]) -> int:
    category = category_of(flag)
    return ALERT_ORDER.index(category) if category in ALERT_ORDER else len(ALERT_ORDER)
