"""Half time to the owner, three quarters to the lead, breach re-routes and tells the manager."""

from datetime import UTC, datetime, time, timedelta
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
    Repeat,
    Taken,
)
from hub.domain.escalation_hours import When

START = datetime(2026, 12, 27, 10, tzinfo=UTC)
DUE = START + timedelta(hours=2)
MOMENTS = escalation.straight(START, DUE)
CODES = {step.code: number for number, step in enumerate(DEFAULT_POLICY.steps)}


def step_at(minutes: int, done: tuple[str, ...] = ()) -> NextStep | None:
    now = START + timedelta(minutes=minutes)
    log = [Taken(CODES[code], 0, now) for code in done]
    return escalation.next_step(DEFAULT_POLICY, MOMENTS, log, now)


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


def test_half_time_over_the_clock_change_is_half_of_the_time_that_passes() -> None:
    london = ZoneInfo("Europe/London")
    start = datetime(2026, 10, 25, 0, tzinfo=london)

    half = escalation.straight(start, datetime(2026, 10, 25, 3, tzinfo=london))(50)

    assert half - start.astimezone(UTC) == timedelta(hours=2)


DAYTIME = When(starts=time(8), ends=time(20))
"""27 December 2026 is a Sunday: 10:00 to 12:00 is in these hours, 22:00 is not."""


def test_a_step_that_waits_for_its_hours_holds_up_no_other() -> None:
    policy = EscalationPolicy(
        "night",
        (
            EscalationStep("lead", 75, (Notified.TEAM_LEAD,), when=DAYTIME),
            EscalationStep("breach", 100, (Notified.DUTY_MANAGER,), reroute=True),
        ),
    )
    start = datetime(2026, 12, 27, 21, tzinfo=UTC)
    moments = escalation.straight(start, start + timedelta(hours=2))
    late = start + timedelta(hours=2)

    found = escalation.next_step(policy, moments, (), late)
    assert found is not None
    assert (found.step.code, found.is_due) == ("breach", True)
    after = escalation.next_step(policy, moments, [Taken(1, 0, late)], late)
    assert after is not None
    assert (after.step.code, after.at) == ("lead", datetime(2026, 12, 28, 8, tzinfo=UTC))


REPEATING = EscalationPolicy(
    "repeating",
    (
        EscalationStep("half-time", 50, (Notified.OWNER,), repeat=Repeat(10, 2)),
        EscalationStep("breach", 100, (Notified.TEAM_LEAD,), reroute=True, repeat=Repeat(5, 1)),
    ),
)


def test_a_repeat_counts_from_when_the_one_before_was_taken() -> None:
    """Taken 25 minutes late after a stop: the next comes 10 minutes after that, not at once."""
    late = MOMENTS(50) + timedelta(minutes=25)

    found = escalation.next_step(REPEATING, MOMENTS, [Taken(0, 0, late)], late)

    assert found is not None
    assert (found.number, found.repeat, found.at) == (0, 1, late + timedelta(minutes=10))


def test_what_rang_before_the_work_was_given_on_rings_no_more() -> None:
    log = [Taken(0, 0, MOMENTS(50)), Taken(1, 0, DUE), Taken(1, 1, DUE + timedelta(minutes=5))]

    assert escalation.next_step(REPEATING, MOMENTS, log, DUE + timedelta(hours=1)) is None


def test_an_acknowledgement_stops_the_repeats_and_not_the_breach() -> None:
    log = [Taken(0, 0, MOMENTS(50))]

    found = escalation.next_step(REPEATING, MOMENTS, log, MOMENTS(50), acknowledged=50)

    assert found is not None
    assert (found.step.code, found.at) == ("breach", DUE)


def test_acknowledged_work_that_breaches_tells_the_duty_manager_whatever_the_policy_says() -> None:
    half, breach = REPEATING.steps

    assert escalation.recipients_of(breach, 0) == (Notified.TEAM_LEAD,)
    assert escalation.recipients_of(breach, 50) == (Notified.TEAM_LEAD, Notified.DUTY_MANAGER)
    assert escalation.recipients_of(half, 50) == (Notified.OWNER,)


def test_a_policy_is_frozen_as_it_is() -> None:
    assert escalation.thaw(escalation.freeze(DEFAULT_POLICY)) == DEFAULT_POLICY


def test_a_policy_frozen_before_hours_and_repeats_were_known_is_read() -> None:
    old = {
        "code": "standard",
        "steps": [
            {"code": "half-time", "percent": 50, "notify": ["owner"], "reroute": False},
            {"code": "breach", "percent": 100, "notify": ["duty-manager"], "reroute": True},
        ],
    }

    assert escalation.thaw(old) == EscalationPolicy(
        "standard",
        (
            EscalationStep("half-time", 50, (Notified.OWNER,)),
            EscalationStep("breach", 100, (Notified.DUTY_MANAGER,), reroute=True),
        ),
    )


@pytest.mark.parametrize(
    "steps",
    [
        (EscalationStep("a", 75, ()), EscalationStep("b", 50, ())),
        (EscalationStep("a", 0, ()),),
        (EscalationStep("a", 50, ()), EscalationStep("a", 75, ())),
        # Everything waits for hours: at a breach in the night nobody would hear.
        (EscalationStep("a", 50, ()), EscalationStep("b", 100, (), when=DAYTIME)),
    ],
)
def test_a_policy_out_of_order_is_refused(steps: tuple[EscalationStep, ...]) -> None:
    with pytest.raises(RuleError):
        EscalationPolicy("wrong", steps)


def test_a_step_that_reroutes_waits_for_no_hours() -> None:
    with pytest.raises(RuleError):
        EscalationStep("breach", 100, (Notified.DUTY_MANAGER,), reroute=True, when=DAYTIME)
