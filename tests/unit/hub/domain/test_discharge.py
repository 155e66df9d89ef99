"""What makes the reading of a letter urgent, and which of its sections stand first."""

from dataclasses import dataclass

import pytest

from hub.domain import discharge
from hub.domain.discharge import DischargePolicy
from hub.domain.errors import RuleError


@dataclass(frozen=True)
class Section:
    title: str
    code: str = ""


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("GP to repeat U&E within 48 hours", 2),
        ("Please review within 7 days.", 7),
        ("bloods in 2 weeks", 14),
        ("See in one week's time", 7),
        ("District nurse within the next 3 days", 3),
        ("INR in 2/7", 2),
        ("review in 1/52 and again in 6/52", 7),
        ("clips out in a fortnight", 14),
        ("within 5-7 days", 5),
        ("within two working days", 2),
        ("in a month", 30),
        ("no later than 24 hrs", 1),
        ("GP to visit today", 0),
        ("same-day visit", 0),
        ("Ring tomorrow about the biopsy", 0),
        ("urgent bloods within 12 hours, clinic in 6 weeks", 0.5),
    ],
)
def test_the_shortest_time_that_is_stated_counts(text: str, days: float) -> None:
    assert discharge.days_stated(text) == days


@pytest.mark.parametrize(
    "text",
    [
        "Doxycycline for 7 days",
        "Two days ago she fell",
        "BP 120/70",
        "No action for the GP",
        "Took 2 tablets in hospital",
        "weighs 7 stone",
        "",
    ],
)
def test_a_course_or_a_story_is_no_time_to_act_in(text: str) -> None:
    assert discharge.days_stated(text) is None


def test_urgent_is_what_the_hub_says_is_soon() -> None:
    policy = DischargePolicy(urgent_within_days=2)

    assert discharge.is_urgent(policy, ["clinic in 6 weeks", "INR within 48 hours"])
    assert not discharge.is_urgent(policy, ["bloods in 3 days"])
    assert not discharge.is_urgent(policy, ["for information"])
    assert discharge.is_urgent(DischargePolicy(urgent_within_days=3), ["bloods in 3 days"])


def test_sections_stand_in_the_order_of_the_list_and_then_as_they_came() -> None:
    story, drugs, plan = Section("Story"), Section("Drugs"), Section("What next", "1")

    found = discharge.in_order([story, drugs, plan], ("1", "drugs"))

    assert found == ((plan, True), (drugs, True), (story, False))


def test_a_reader_is_one_of_those_who_answer_for_a_person() -> None:
    with pytest.raises(RuleError, match="porter is no role"):
        DischargePolicy(readers=("porter",))
