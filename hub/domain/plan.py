"""The shared care plan: its sections, what is missing in it, and when it may become active.

Source: the care model, section 7; PRSB Personalised Care and Support Plan v2.0 (standards 5.1).
"""

import re
from calendar import month_name
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from hub.domain.content import PlanSection
from hub.domain.errors import RuleError, StateError

ESCALATION = "escalation-triggers"
REVIEW = "review-date"
ABOUT_ME = "about-me"
AGREEMENT = "agreement"

_TITLES = (
    (ABOUT_ME, "About me and what matters to me", "In the person's own words: what matters to me"),
    ("people-and-carers", "People and carers", "Who is around; the carer's own needs and plan"),
    ("needs", "Needs and conditions", "What the person and the professionals see as the needs"),
    ("goals", "Goals", "What the person wants to be able to do, and how we will know"),
    ("actions", "Actions", "Who does what by when"),
    ("medicines", "Medicines and allergies", "What is taken, what must never be given"),
    ("functional", "Day to day", "Mobility, falls, continence, nutrition, skin, mood, home"),
    ("equipment", "Equipment and telecare", "What is in the home, whose it is, who mends it"),
    ("social-care", "Social care", "Eligible and other needs, personal budget"),
    (ESCALATION, "If I get worse", "What to look for, what to do, who to call"),
    ("contingency", "If plans fall through", "If the carer is ill, the key is lost, the heating"),
    ("advance-care", "Advance care planning", "Wishes for the future and where they are kept"),
    ("safety-alerts", "Safety alerts", "What anybody who visits must know first"),
    (AGREEMENT, "Agreement", "Who agreed this plan with the person, when, or why not"),
    (REVIEW, "Review date", "The day on which we look at it again"),
    ("professionals", "Professionals involved", "Names, what they do and how to reach them"),
)
_MANDATORY = frozenset({ESCALATION, REVIEW})

STANDARD_SECTIONS: tuple[PlanSection, ...] = tuple(
    PlanSection(code=code, title=title, prompt=prompt, mandatory=code in _MANDATORY, order=order)
    for order, (code, title, prompt) in enumerate(_TITLES, start=1)
)
"""The sections of the care model; a hub definition may bring its own list."""


class PlanStatus(StrEnum):
    """FHIR CarePlan.status."""

    DRAFT = "draft"
    ACTIVE = "active"
    ON_HOLD = "on-hold"
    REVOKED = "revoked"
    COMPLETED = "completed"
    ENTERED_IN_ERROR = "entered-in-error"
    UNKNOWN = "unknown"


_S = PlanStatus
_MOVES: Mapping[PlanStatus, frozenset[PlanStatus]] = {
    _S.DRAFT: frozenset({_S.ACTIVE, _S.REVOKED, _S.ENTERED_IN_ERROR}),
    _S.ACTIVE: frozenset({_S.ON_HOLD, _S.COMPLETED, _S.REVOKED, _S.ENTERED_IN_ERROR}),
    _S.ON_HOLD: frozenset({_S.ACTIVE, _S.COMPLETED, _S.REVOKED, _S.ENTERED_IN_ERROR}),
}

EDITABLE = frozenset({_S.DRAFT, _S.ACTIVE, _S.ON_HOLD})


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a plan as it stands."""

    code: str
    text: str
    author: str | None = None
    """Reference of the person who changed it last."""
    changed: datetime | None = None
    reason: str | None = None


class Severity(StrEnum):
    STOPS = "stops"
    """The plan cannot become active."""
    WARNS = "warns"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is missing or odd in a plan, in plain words."""

    code: str
    severity: Severity
    text: str
    section: str | None = None


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What the rules look at."""

    sections: Mapping[str, str]
    accountable: str | None
    """``Practitioner/<id>`` of the accountable professional."""
    coordinator: str | None
    goals: int = 0
    actions_without_owner: int = 0
    last_changed: datetime | None = None


def known(code: str, sections: Iterable[PlanSection]) -> PlanSection:
    """Return the section of a code, or refuse naming those that exist."""
    by_code = {section.code: section for section in sections}
    if code not in by_code:
        raise RuleError(f"a plan has no section {code}", field="section", allowed=by_code)
    return by_code[code]


_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_NUMBERS = re.compile(r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b")
_WORDS = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)? ([A-Z][a-z]+) (\d{4})\b")
_MONTHS = {name: number for number, name in enumerate(month_name) if name}


def review_on(text: str) -> date:
    """Return the first date of the review section, or refuse: a plan says when it is reviewed."""
    found: list[tuple[int, tuple[int, int, int]]] = []
    if match := _ISO.search(text):
        year, month, day = (int(part) for part in match.groups())
        found.append((match.start(), (year, month, day)))
    if match := _NUMBERS.search(text):
        day, month, year = (int(part) for part in match.groups())
        found.append((match.start(), (year, month, day)))
    if (match := _WORDS.search(text)) and match[2] in _MONTHS:
        found.append((match.start(), (int(match[3]), _MONTHS[match[2]], int(match[1]))))
    try:
        return date(*min(found)[1])
    except ValueError:
        raise RuleError(
            "the review section says when: a date such as 31 January 2027", field=REVIEW
        ) from None


def lint(facts: PlanFacts, sections: Iterable[PlanSection], today: date) -> tuple[Finding, ...]:
    """Return everything that is missing or odd, what stops first."""
    found = []
    if not facts.accountable:
        found.append(
            Finding("no-accountable", Severity.STOPS, "No accountable professional has been named.")
        )
    if not facts.coordinator:
        found.append(
            Finding("no-coordinator", Severity.STOPS, "No care coordinator has been named.")
        )
    wanted = {section.code: section for section in sections}
    for code in dict.fromkeys((ESCALATION, REVIEW, *(c for c in wanted if wanted[c].mandatory))):
        if not facts.sections.get(code, "").strip():
            title = wanted[code].title if code in wanted else code
            found.append(Finding("empty", Severity.STOPS, f"“{title}” is empty.", code))
    found += _review_findings(facts.sections.get(REVIEW, ""), today)
    if not facts.sections.get(ABOUT_ME, "").strip():
        found.append(
            Finding("own-words", Severity.WARNS, "The person's own words are missing.", ABOUT_ME)
        )
    if AGREEMENT in wanted and not facts.sections.get(AGREEMENT, "").strip():
        found.append(
            Finding(
                "no-agreement",
                Severity.WARNS,
                "It does not say who agreed the plan with the person, or why not.",
                AGREEMENT,
            )
        )
    if facts.actions_without_owner:
        found.append(
            Finding("no-owner", Severity.WARNS, "An action has nobody who does it.", "actions")
        )
    return tuple(sorted(found, key=lambda each: each.severity is Severity.WARNS))


def _review_findings(text: str, today: date) -> list[Finding]:
    if not text.strip():
        return []
    try:
        day = review_on(text)
    except RuleError as error:
        return [Finding("review-unread", Severity.STOPS, f"{error.text}.", REVIEW)]
    if day <= today:
        return [Finding("review-past", Severity.STOPS, "The review date has passed.", REVIEW)]
    if day > today + timedelta(days=365):
        return [Finding("review-late", Severity.WARNS, "A plan is reviewed every year.", REVIEW)]
    return []


def check_move(before: PlanStatus, after: PlanStatus) -> None:
    """Refuse a status that does not follow."""
    moves = _MOVES.get(before, frozenset())
    if after not in moves:
        raise StateError(
            f"a plan that is {before} cannot become {after}", field="status", allowed=sorted(moves)
        )


def check_activation(facts: PlanFacts, sections: Iterable[PlanSection], today: date) -> None:
    """Refuse to activate: it needs the two named people, escalation triggers and a review date."""
    stops = [each for each in lint(facts, sections, today) if each.severity is Severity.STOPS]
    if stops:
        raise RuleError(
            f"this plan cannot become active: {' '.join(each.text for each in stops)}",
            field=stops[0].section or stops[0].code,
        )


def check_active(sections: Mapping[str, str]) -> None:
    """Refuse an active plan that would lose its escalation triggers or its review date.

    A review date that has passed does not undo a plan: it is shown as overdue. Nor does a
    vacancy: it raises an urgent task, and the plan stays in use meanwhile.
    """
    if not sections.get(ESCALATION, "").strip():
        raise RuleError("an active plan always says what to do if I get worse", field=ESCALATION)
    review_on(sections.get(REVIEW, ""))
