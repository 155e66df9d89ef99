"""The life of a referral: steps, triage answers, the door's own answers, repeats."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from hub.domain import referral
from hub.domain.definition import RoutingRule, Service, Spor
from hub.domain.errors import RuleError, StateError
from hub.domain.referral import Arrival, EarlierReferral, Step, TriageOutcome

NOW = datetime(2026, 12, 27, 13, tzinfo=UTC)
SERVICE = Service(
    code="audiology",
    name="Hearing",
    summary="",
    performing="a",
    accountable="b",
    team="t",
    calendar="c",
    clock="k",
    minimum_age=50,
)
SPOR = Spor(
    team="spor",
    calendar="c",
    triage_clocks={},
    out_of_hours_desk="desk",
)
CANCER = RoutingRule(
    code="cancer",
    name="Urgent suspected cancer",
    outcome="decline",
    reason="urgent-suspected-cancer",
    answer="Send it today",
    services=("cancer-pathway",),
    codes=("276401000000108",),
    words=("suspected cancer",),
    task="suspected-cancer-check",
)
CHILDREN = RoutingRule(
    code="children",
    name="Under 18",
    outcome="redirect",
    reason="age-bound",
    answer="Children's service",
    services=("matron",),
    below_age=18,
)
RULES = (CANCER, CHILDREN)


def test_steps_go_forward_and_may_be_skipped() -> None:
    referral.check_step(Step.RECEIVED, Step.TRIAGED)
    referral.check_step(Step.TRIAGED, Step.TRIAGED)
    with pytest.raises(StateError) as error:
        referral.check_step(Step.ASSESSED, Step.ALLOCATED)
    assert error.value.allowed == ("assessed", "in-service", "outcome", "closed")


def test_triage_answers_once_and_with_a_reason() -> None:
    referral.check_outcome("received", TriageOutcome.ACCEPTED, reason=None)
    referral.check_outcome("asked", TriageOutcome.DECLINED, reason="out-of-area")
    with pytest.raises(StateError, match="has answered"):
        referral.check_outcome("accepted", TriageOutcome.DECLINED, reason="x")
    for outcome in set(TriageOutcome) - {TriageOutcome.ACCEPTED}:
        with pytest.raises(RuleError, match="with a reason"):
            referral.check_outcome("received", outcome, reason=" ")


def test_inside_the_bundle_nothing_bounces() -> None:
    referral.check_redirect(replace(SERVICE, in_bundle=False))
    with pytest.raises(RuleError, match="accept the referral"):
        referral.check_redirect(SERVICE)


def answered(arrival: Arrival, rules: Iterable[RoutingRule] = RULES) -> str | None:
    rule = referral.door_answer(arrival, rules)
    return rule.code if rule else None


@pytest.mark.parametrize(
    ("arrival", "rule"),
    [
        (Arrival(service="cancer-pathway"), "cancer"),
        (Arrival(service="matron", codes=frozenset({"276401000000108"})), "cancer"),
        (Arrival(service=None, reason="Lump, SUSPECTED   cancer"), "cancer"),
        (Arrival(service=None, suspected_cancer=True), "cancer"),
        (Arrival(service="matron", age=17), "children"),
        (Arrival(service="matron", age=18), None),
        (Arrival(service="matron"), None),
        (Arrival(service="district-nursing", age=17), None),
        (Arrival(service=None, reason="Leg ulcer"), None),
    ],
)
def test_what_the_door_answers_by_itself(arrival: Arrival, rule: str | None) -> None:
    assert answered(arrival) == rule


def test_the_first_rule_answers() -> None:
    both = Arrival(service="matron", age=3, reason="suspected cancer")

    assert answered(both) == "cancer"
    assert answered(both, reversed(RULES)) == "children"


def test_a_rule_from_an_age_on() -> None:
    old = replace(CHILDREN, below_age=None, from_age=65)

    assert answered(Arrival(service="matron", age=65), [old]) == "children"
    assert answered(Arrival(service="matron", age=64), [old]) is None


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(1950, 6, 1), date(2026, 5, 31), 75),
        (date(1950, 6, 1), date(2026, 6, 1), 76),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
    ],
)
def test_completed_years(born: date, day: date, age: int) -> None:
    assert referral.age_on(born, day) == age


def test_services_have_age_bounds() -> None:
    referral.check_age(SERVICE, 50)
    referral.check_age(SERVICE, None)
    with pytest.raises(RuleError, match="aged 50 and over"):
        referral.check_age(SERVICE, 49)
    with pytest.raises(RuleError, match="aged 0 to 25"):
        referral.check_age(replace(SERVICE, minimum_age=None, maximum_age=25), 26)


def test_everyone_of_65_is_asked_about_falls() -> None:
    assert referral.must_ask_about_falls(65, SPOR)
    assert not referral.must_ask_about_falls(64, SPOR)
    assert not referral.must_ask_about_falls(None, SPOR)
    assert referral.needs_falls_assessment(True)
    assert not referral.needs_falls_assessment(False)
    assert not referral.needs_falls_assessment(None)


def earlier(days: int, service: str = "matron", *codes: str) -> EarlierReferral:
    received = NOW - timedelta(days=days)
    return EarlierReferral(f"ServiceRequest/{days}", received, service, frozenset(codes))


def test_the_same_need_within_the_window_is_a_duplicate() -> None:
    arrival = Arrival(service="matron", codes=frozenset({"1"}))

    found = referral.repeats(
        arrival, [earlier(3), earlier(15), earlier(4, "falls"), earlier(5, "falls", "1")], SPOR, NOW
    )

    assert found.duplicates == ("ServiceRequest/3", "ServiceRequest/5")


def test_three_in_a_rolling_year_is_a_revolving_door() -> None:
    arrival = Arrival(service=None)

    two = referral.repeats(arrival, [earlier(100), earlier(366)], SPOR, NOW)
    three = referral.repeats(arrival, [earlier(100), earlier(364)], SPOR, NOW)

    assert (two.revolving_door, two.count) == (False, 2)
    assert (three.revolving_door, three.count) == (True, 3)
    assert two.duplicates == ()
