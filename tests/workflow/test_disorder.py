"""Messages that come twice and in any order, and clocks that jump: once is once."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub import clock, records
from hub.db import db
from hub.domain import escalation
from hub.domain.escalation import BREACH, EscalationPolicy, EscalationStep, Notified
from hub.domain.referral_request import Channel
from hub.models.notice import Notice
from hub.queries import integrity
from hub.services import assignments, clocks, escalations, referrals
from hub.services.referrals import ReceiveReferral
from hub.settings import Settings
from hub.transaction import transaction
from tests.factories.task import visit
from tests.unit.hub.services.spor_desk import DR
from tests.workflow import deeds
from tests.workflow.conftest import SPOR, Crashing, decisions_of, owner_of
from workflows.schedule import SWEEPS

pytestmark = [pytest.mark.slow, pytest.mark.fault]

ASHA, GARETH = "Practitioner/asha-nurse", "Practitioner/gareth-price"


def referral(patient: str) -> dict[str, str]:
    with transaction():
        receipt = referrals.receive(
            deeds.staff("sam-spor"),
            ReceiveReferral(person=patient, reason="Wound", referrer=DR, channel=Channel.PHONE),
        )
    return {"task": receipt.task.id, "service": "district-nursing"}


def test_every_message_twice_and_in_any_order(crashing: Crashing, patient: str) -> None:
    for seed in (None, 1, 2, 3, 4, 5):
        asked = [referral(patient) for _ in range(3)]
        handed = [visit(patient, clock="community-routine", priority="routine") for _ in range(2)]
        left = [
            visit(patient, owner=ASHA, minutes=1, priority="routine", clock=None) for _ in range(3)
        ]
        about: dict[str, Any] = {
            "referrals_in": asked,
            "works": [
                {"task": each.id, "mine": "asha-nurse", "theirs": "gareth-price"} for each in handed
            ],
            "away": {
                "who": "asha-nurse",
                "starts": clock.now().isoformat(),
                "ends": (clock.now() + timedelta(days=1, seconds=seed or 0)).isoformat(),
            },
        }

        crashing.do("busy_hour", about, SWEEPS, twice=seed, here=seed is None)

        for triage in asked:
            request = records.read(SPOR, "Task", triage["task"])["focus"]["reference"]
            found = records.search(SPOR, "Task", [("focus", request)]).records
            (task,) = (each for each in found if each["status"] != "completed")
            assert len(decisions_of(task)) == 1, seed
            assert len(assignments.spells_of(task.id)) == 2, seed
        for task in handed:
            assert records.read(SPOR, "Task", task.id)["status"] == "completed", seed
            assert len(assignments.spells_of(task.id)) == 3, seed
        for task in left:
            assert owner_of(task) != ASHA, seed
            assert [each.cause for each in decisions_of(task)] == ["absence"], seed
    # Nobody was told anything twice in one and the same matter.
    told = db.session.execute(select(Notice.recipient, Notice.kind, Notice.key))
    assert set(Counter(map(tuple, told)).values()) == {1}
    assert [each.name for each in integrity.check() if not each.holds] == []


POLICY = EscalationPolicy(
    "for-test",
    (
        EscalationStep("half-time", 50, (Notified.OWNER,)),
        EscalationStep("late", 80, (Notified.DEPUTY,)),
        EscalationStep("breach", BREACH, (Notified.DUTY_MANAGER,)),
    ),
)
AUTUMN = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
"""An hour and a half before the clocks of England go back."""

Walk = list[timedelta]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def walked(crashing: Crashing, patient: str, hub_settings: Settings) -> Callable[..., list[str]]:
    """Let the clock jump while an urgent task waits; return the steps that were taken."""

    def walk(jumps: Walk, start: datetime | None = None) -> list[str]:
        begun = start or clock.now()
        clock.set_simulated(hub_settings.home, begun)
        task = visit(patient, owner=GARETH)
        with transaction():
            running = clocks.running(task.id, locked=True)
            assert running is not None
            running.policy = {**running.policy, "escalation": escalation.freeze(POLICY)}
            clocks.reschedule(running)
        seen: list[str] = []
        for jump in jumps:
            before = clock.now()
            clock.set_simulated(hub_settings.home, before + jump)
            crashing.do("nothing", {}, SWEEPS)
            taken = [row.action for row in escalations.steps_of(task.id)]
            assert taken[: len(seen)] == seen, "what was taken stays taken"
            assert jump > timedelta() or taken == seen, "nothing happens when the clock goes back"
            seen = taken
        told = db.session.execute(
            select(Notice.recipient, Notice.key).where(
                Notice.kind == "TaskEscalated", Notice.subject == f"Task/{task.id}"
            )
        )
        assert set(Counter(map(tuple, told)).values()) <= {1}
        return seen

    return walk


def test_however_the_clock_jumps_each_step_is_taken_once(
    walked: Callable[..., list[str]],
) -> None:
    slowly = walked([10 * MINUTE] * 15)
    assert slowly == ["half-time", "late", "breach"]

    assert walked([3 * HOUR]) == slowly
    assert walked([2 * DAY]) == slowly
    assert walked([70 * MINUTE, -HOUR, 20 * MINUTE, 3 * HOUR, -DAY, 2 * DAY]) == slowly
    assert walked([-HOUR, 70 * MINUTE]) == [], "an hour was lost, ten minutes have passed"


def test_the_night_the_clocks_go_back_is_an_hour_longer_and_no_step_comes_twice(
    walked: Callable[..., list[str]],
) -> None:
    two_hours = [10 * MINUTE] * 13
    assert walked(two_hours, AUTUMN) == ["half-time", "late", "breach"]
    assert walked([59 * MINUTE], AUTUMN) == []
    assert walked([61 * MINUTE], AUTUMN) == ["half-time"]
