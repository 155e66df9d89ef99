"""What a plan lacks, and when it may become active."""

from datetime import date

import pytest

from hub.domain import plan
from hub.domain.content import PlanSection
from hub.domain.errors import RuleError, StateError
from hub.domain.plan import (
    AGREEMENT,
    ESCALATION,
    REVIEW,
    STANDARD_SECTIONS,
    PlanFacts,
    PlanStatus,
    Severity,
)

TODAY = date(2026, 12, 27)
FULL = {
    "about-me": "My garden",
    ESCALATION: "Call 01632 960001",
    REVIEW: "2027-01-31",
    AGREEMENT: "Agreed with Ada on 20 December",
}


def facts(**sections: str) -> PlanFacts:
    texts = {**FULL, **{code.replace("_", "-"): text for code, text in sections.items()}}
    return PlanFacts(
        sections=texts, accountable="Practitioner/a", coordinator="Practitioner/b", goals=1
    )


def codes(found: PlanFacts) -> list[tuple[str, Severity]]:
    return [(each.code, each.severity) for each in plan.lint(found, STANDARD_SECTIONS, TODAY)]


def test_a_full_plan_has_nothing_to_say() -> None:
    assert codes(facts()) == []
    plan.check_activation(facts(), STANDARD_SECTIONS, TODAY)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"accountable": None}, "no-accountable"),
        ({"coordinator": None}, "no-coordinator"),
        ({"sections": {**FULL, ESCALATION: "  "}}, "empty"),
        ({"sections": {**FULL, REVIEW: ""}}, "empty"),
        ({"sections": {**FULL, REVIEW: "soon"}}, "review-unread"),
        ({"sections": {**FULL, REVIEW: "2026-12-27"}}, "review-past"),
    ],
)
def test_each_thing_that_stops(change: dict[str, object], code: str) -> None:
    values: dict[str, object] = {
        "sections": FULL,
        "accountable": "Practitioner/a",
        "coordinator": "Practitioner/b",
        **change,
    }
    lacking = PlanFacts(**values)  # type: ignore[arg-type]

    assert codes(lacking) == [(code, Severity.STOPS)]
    with pytest.raises(RuleError, match="cannot become active"):
        plan.check_activation(lacking, STANDARD_SECTIONS, TODAY)


def test_a_section_that_the_hub_makes_mandatory_stops_too() -> None:
    sections = (*STANDARD_SECTIONS, PlanSection("pets", "Pets", "", mandatory=True))

    found = plan.lint(facts(), sections, TODAY)

    assert [(each.section, each.severity) for each in found] == [("pets", Severity.STOPS)]


def test_what_only_warns_does_not_stop() -> None:
    thin = PlanFacts(
        sections={ESCALATION: "x", REVIEW: "2028-06-30"},
        accountable="Practitioner/a",
        coordinator="Practitioner/b",
        actions_without_owner=1,
    )

    assert codes(thin) == [
        ("review-late", Severity.WARNS),
        ("own-words", Severity.WARNS),
        ("no-agreement", Severity.WARNS),
        ("no-owner", Severity.WARNS),
    ]
    plan.check_activation(thin, STANDARD_SECTIONS, TODAY)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2027-01-31", date(2027, 1, 31)),
        ("On 31 January 2027, Jo makes sure", date(2027, 1, 31)),
        ("31/01/2027", date(2027, 1, 31)),
        ("1st March 2027, then 2027-06-01", date(2027, 3, 1)),
    ],
)
def test_the_review_section_says_when(text: str, day: date) -> None:
    assert plan.review_on(text) == day


@pytest.mark.parametrize("text", ["", "soon", "2027-02-30", "31 Janvier 2027"])
def test_a_review_section_without_a_date_is_refused(text: str) -> None:
    with pytest.raises(RuleError, match="date"):
        plan.review_on(text)


@pytest.mark.parametrize("before", list(PlanStatus))
@pytest.mark.parametrize("after", list(PlanStatus))
def test_what_may_follow_what(before: PlanStatus, after: PlanStatus) -> None:
    table = {
        "draft": {"active", "revoked", "entered-in-error"},
        "active": {"on-hold", "completed", "revoked", "entered-in-error"},
        "on-hold": {"active", "completed", "revoked", "entered-in-error"},
    }
    if after in table.get(before, set()):
        plan.check_move(before, after)
    else:
        with pytest.raises(StateError):
            plan.check_move(before, after)


def test_an_active_plan_keeps_what_activation_asked_for() -> None:
    plan.check_active(FULL)
    plan.check_active({**FULL, REVIEW: "2020-01-01"})
    for code in (ESCALATION, REVIEW):
        with pytest.raises(RuleError):
            plan.check_active({**FULL, code: ""})


def test_sections_are_those_of_the_hub() -> None:
    assert plan.known("about-me", STANDARD_SECTIONS).title.startswith("About me")
    with pytest.raises(RuleError, match="about-me"):
        plan.known("horoscope", STANDARD_SECTIONS)
