"""Half time to the owner, three quarters to the lead, breach re-routes and tells the manager."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.domain import escalation
from hub.domain.errors import RuleError
from hub.domain.escalation import (
    DEFAULT_POLICY,
    EscalationPolicy,
    EscalationStep,
    NextStep,
    Notified,
)

START = datetime(2026, 12, 27, 10, tzinfo=UTC)
DUE = START + timedelta(hours=2)


def step_at(minutes: int, done: tuple[str, ...] = ()) -> NextStep | None:
    now = START + timedelta(minutes=minutes)
    return escalation.next_step(DEFAULT_POLICY, START, DUE, done, now)


@pytest.mark.parametrize(
    ("minutes", "done", "code", "is_due"),
    [
        (0, (), "half-time", False),
        (59, (), "half-time", False),
        (60, (), "half-time", True),
        (60, ("half-time",), "three-quarters", False),
        (90, ("half-time",), "three-quarters", True),
        (120, ("half-time", "three-quarters"), "breach", True),
        # After a stop everything is due: one at a time, in order.
        (500, (), "half-time", True),
    ],
)
def test_the_next_step(minutes: int, done: tuple[str, ...], code: str, is_due: bool) -> None:
    found = step_at(minutes, done)

    assert found is not None
    assert (found.step.code, found.is_due) == (code, is_due)


def test_who_hears_and_what_is_rerouted() -> None:
    assert [(step.percent, step.notify, step.reroute) for step in DEFAULT_POLICY.steps] == [
        (50, (Notified.OWNER,), False),
        (75, (Notified.TEAM_LEAD,), False),
        (100, (Notified.DUTY_MANAGER,), True),
    ]


def test_nothing_follows_the_last_step() -> None:
    assert step_at(500, ("half-time", "three-quarters", "breach")) is None


def test_the_clocks_own_instants_go_before_the_straight_line() -> None:
    tomorrow = START + timedelta(days=1)

    found = escalation.next_step(
        DEFAULT_POLICY, START, DUE, (), START + timedelta(hours=1), moments={50: tomorrow}
    )

    assert found is not None
    assert (found.at, found.is_due) == (tomorrow, False)


def test_half_time_over_the_clock_change_is_half_of_the_time_that_passes() -> None:
    london = ZoneInfo("Europe/London")
    start = datetime(2026, 10, 25, 0, tzinfo=london)

    half = escalation.moment(50, start, datetime(2026, 10, 25, 3, tzinfo=london))

    assert half - start.astimezone(UTC) == timedelta(hours=2)


def test_a_policy_is_frozen_as_it_is() -> None:
    assert escalation.thaw(escalation.freeze(DEFAULT_POLICY)) == DEFAULT_POLICY


@pytest.mark.parametrize(
    "steps",
    [
        (EscalationStep("a", 75, ()), EscalationStep("b", 50, ())),
        (EscalationStep("a", 0, ()),),
        (EscalationStep("a", 50, ()), EscalationStep("a", 75, ())),
    ],
)
def test_a_policy_out_of_order_is_refused(steps: tuple[EscalationStep, ...]) -> None:
    with pytest.raises(RuleError):
        EscalationPolicy("wrong", steps)
