"""SIGKILL before every statement, commit and message of a path; then the work goes on.

Each path is walked again and again, each time on work of its own: first to its end, then a process
dies before step 1, 2, 3 ... of it. What is left behind is finished by others, and must be what one
undisturbed walk leaves: nothing lost, nothing twice, and every invariant of the hub.
"""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from hub import clock, records
from hub.db import db
from hub.domain import escalation
from hub.domain.escalation import EscalationPolicy, EscalationStep, Notified
from hub.domain.referral_request import Channel
from hub.models.absence import Absence
from hub.models.clock import TaskClock
from hub.models.escalation import EscalationStep as StepRow
from hub.models.notice import Notice
from hub.models.outside_send import OutsideSend
from hub.queries import integrity
from hub.records import Record
from hub.services import assignments, clocks, escalations, referrals
from hub.services.referrals import ReceiveReferral
from hub.settings import Settings
from hub.transaction import transaction
from tests.factories.task import visit
from tests.unit.hub.services.spor_desk import DR
from tests.workflow import deeds
from tests.workflow.conftest import SPOR, Crashing, decisions_of, owner_of

pytestmark = [pytest.mark.slow, pytest.mark.fault]

ASHA = "Practitioner/asha-nurse"
MOST_STEPS = 400
POLICY = EscalationPolicy(
    "for-test", (EscalationStep("half-time", 50, (Notified.OWNER,), outside=True),)
)


Prepare = Callable[[], dict[str, Any]]
Check = Callable[[dict[str, Any]], None]


def kill_at_every_step(
    crashing: Crashing, deed: str, prepare: Prepare, check: Check, sweeps: tuple[str, ...] = ()
) -> int:
    """Walk a path to its end, then die before each of its steps; return how many there are."""
    swept = list(sweeps)
    for is_first in (True, False):
        about = prepare()
        whole = crashing.do(deed, about["deed"], swept, here=is_first)
        check(about)
    assert whole is not None
    for step in range(1, MOST_STEPS):
        about = prepare()
        if crashing.do(deed, about["deed"], swept, die_at=step) is not None:
            break
        crashing.do(deed, about["deed"], swept, later=True)
        check(about)
    assert step > whole // 2, "most of the path was walked"
    # Whom a test gave the work to may be off shift: that is not the path's doing.
    broken = {each.name for each in integrity.check() if not each.holds}
    assert broken <= {"owner-off-shift"}
    return step


def told(kind: str, task_id: str) -> Counter[str]:
    rows = db.session.execute(
        select(Notice.recipient).where(Notice.kind == kind, Notice.subject == f"Task/{task_id}")
    )
    return Counter(rows.scalars())


def test_from_accepting_a_referral_to_its_owner(crashing: Crashing, patient: str) -> None:
    def prepare() -> dict[str, Any]:
        with transaction():
            receipt = referrals.receive(
                deeds.staff("sam-spor"),
                ReceiveReferral(person=patient, reason="Wound", referrer=DR, channel=Channel.PHONE),
            )
        return {
            "request": receipt.service_request.reference,
            "deed": {"task": receipt.task.id, "service": "district-nursing"},
        }

    def check(about: dict[str, Any]) -> None:
        found = records.search(SPOR, "Task", [("focus", about["request"])]).records
        work = [each for each in found if each["code"]["coding"][0]["code"] == "intervention"]
        triage = [each for each in found if each["code"]["coding"][0]["code"] == "triage"]
        assert [each["status"] for each in triage] == ["completed"]
        (task,) = work
        # When the day of the nurses is full, the duty desk has it: decided as well, and once.
        (decision,) = decisions_of(task)
        assert owner_of(task) == decision.owner != "CareTeam/district-nursing-west"
        assert [each.ends_at is None for each in assignments.spells_of(task.id)] == [False, True]
        assert set(told("TaskAssigned", task.id).values()) <= {1}

    assert kill_at_every_step(crashing, "accept_referral", prepare, check) > 60


def test_a_step_of_an_escalation_and_what_leaves_the_hub(
    crashing: Crashing, patient: str, hub_settings: Settings
) -> None:
    waiting: list[Record] = []

    def make() -> None:
        for _ in range(60):
            made = visit(patient, owner=ASHA)
            with transaction():
                running = clocks.running(made.id, locked=True)
                assert running is not None
                running.policy = {**running.policy, "escalation": escalation.freeze(POLICY)}
                running.next_step_at = None
            waiting.append(made)
        clock.set_simulated(hub_settings.home, clock.now() + timedelta(minutes=61))

    def prepare() -> dict[str, Any]:
        if not waiting:
            make()
        task = waiting.pop()
        with transaction():
            db.session.execute(
                update(TaskClock)
                .where(TaskClock.task_id == task.id)
                .values(next_step_at=clock.now())
            )
        return {"task": task.id, "deed": {}}

    def check(about: dict[str, Any]) -> None:
        task = about["task"]
        assert [step.action for step in escalations.steps_of(task)] == ["half-time"]
        assert told("TaskEscalated", task) == {ASHA: 1}
        step = db.session.scalars(select(StepRow).where(StepRow.task_id == task)).one()
        send = db.session.scalars(
            select(OutsideSend).where(OutsideSend.key.like(f"%{step.clock_id}%"))
        ).one()
        assert send.state == "sent"
        came = crashing.letters.read_text().split("\n").count(send.key)
        # Whoever died with it in hand may have sent it: that counts as a repeat, sent or not.
        assert 1 <= came <= 1 + send.repeats <= 2

    sweeps = ("workflows.escalation.sweep", "workflows.sending.sweep")
    assert kill_at_every_step(crashing, "nothing", prepare, check, sweeps) > 20
    db.session.execute(update(TaskClock).values(next_step_at=None))
    db.session.commit()


def test_the_absence_of_somebody_with_five_tasks(crashing: Crashing, patient: str) -> None:
    days = iter(range(1, MOST_STEPS))

    def prepare() -> dict[str, Any]:
        mine = [
            visit(patient, owner=ASHA, minutes=1, priority="routine", clock=None) for _ in range(5)
        ]
        ends = clock.now() + timedelta(days=next(days))
        return {
            "tasks": mine,
            "ends": ends,
            "deed": {
                "who": "asha-nurse", "starts": clock.now().isoformat(), "ends": ends.isoformat(),
            },
        }  # fmt: skip

    def check(about: dict[str, Any]) -> None:
        reported = func.upper(Absence.during) == about["ends"]
        assert db.session.scalar(select(func.count()).where(reported)) == 1
        for task in about["tasks"]:
            assert owner_of(task) != ASHA
            assert [each.cause for each in decisions_of(task)] == ["absence"]
            assert len(assignments.spells_of(task.id)) == 2

    assert kill_at_every_step(crashing, "be_away", prepare, check) > 30


def test_work_that_is_claimed_offered_taken_and_completed(crashing: Crashing, patient: str) -> None:
    def prepare() -> dict[str, Any]:
        made = visit(patient, clock="community-routine", priority="routine")
        return {
            "task": made,
            "deed": {"task": made.id, "mine": "asha-nurse", "theirs": "gareth-price"},
        }

    def check(about: dict[str, Any]) -> None:
        task = records.read(SPOR, "Task", about["task"].id)
        assert task["status"] == "completed"
        spells = assignments.spells_of(task.id)
        assert [each.owner for each in spells] == [
            "CareTeam/district-nursing-west", ASHA, "Practitioner/gareth-price",
        ]  # fmt: skip
        assert all(each.ends_at is not None for each in spells)
        assert task.version == 4, "claimed, taken, completed: each once"
        assert told("TaskOffered", task.id) == {"Practitioner/gareth-price": 1}
        assert clocks.running(task.id) is None

    assert kill_at_every_step(crashing, "work", prepare, check) > 60
