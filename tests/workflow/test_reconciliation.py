"""The auditor and the integrity checks: each invariant is seen to break when it is broken."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, insert, select, text, update

from hub import clock, records
from hub.db import db
from hub.models.assignment import Assignment
from hub.models.clock import TaskClock
from hub.models.clock_event import ClockEvent
from hub.models.decision import RoutingDecision
from hub.models.notice import Notice
from hub.models.shift import Shift
from hub.queries import heartbeats, integrity
from hub.records import Record
from hub.records.tables import HISTORY, OUTBOX
from hub.services import clocks, escalations, findings, routing, tasks
from hub.transaction import transaction
from tests.factories.actor import actor
from tests.workflow.conftest import SPOR, Processes
from workflows import reconciliation

Accepted = Callable[..., Record]
TASK = records.table("Task")


@pytest.fixture(autouse=True)
def nobody_else(processes: Processes) -> None:
    processes.stop()


@pytest.fixture
def task(accepted_referral: Accepted) -> Record:
    made = accepted_referral()
    with transaction():
        routing.route(SPOR, made.id)
        db.session.execute(update(OUTBOX).values(handled_at=clock.now()))
    return records.read(SPOR, "Task", made.id)


def broken() -> dict[str, list[str]]:
    return {
        result.name: [breach.subject for breach in result.breaches]
        for result in integrity.check()
        if not result.holds
    }


def test_a_sound_hub_breaks_nothing(task: Record) -> None:
    assert broken() == {}


def test_a_task_without_a_real_owner_is_found(task: Record) -> None:
    with transaction():
        db.session.execute(update(TASK).values(owner="Practitioner/nobody"))
    found = broken()
    assert found["task-owner"] == [task.reference]
    assert found["task-assignment"] == [task.reference]
    assert found["columns"] == [task.reference]


def test_a_task_without_its_organisations_is_found(task: Record) -> None:
    with transaction():
        db.session.execute(
            update(TASK).values(content=text("replace(content, 'accountable-organization', 'x')"))
        )
    assert broken()["task-organisations"] == [task.reference]


def test_a_missing_spell_is_found(task: Record) -> None:
    with transaction():
        db.session.execute(delete(Assignment))
    assert broken() == {"task-assignment": [task.reference]}


def test_a_clock_that_runs_on_finished_work_is_found(task: Record) -> None:
    with transaction():
        db.session.execute(update(TASK).values(status="completed"))
    assert broken()["clock-stopped"] == [task.reference]


def test_an_overdue_step_and_a_counted_one_that_was_not_taken_are_found(
    task: Record, advance: Callable[[timedelta], None]
) -> None:
    advance(timedelta(minutes=75))
    assert broken() == {"escalation-missed": [task.reference]}
    with transaction():
        db.session.execute(update(TaskClock).values(step=1, next_step_at=None))
    assert broken() == {"escalation-once": [task.reference]}


def test_a_step_that_is_put_off_again_and_again_is_found(
    task: Record, advance: Callable[[timedelta], None]
) -> None:
    advance(timedelta(hours=3))
    with transaction():
        running = clocks.running(task.id)
        assert running is not None
        escalations.push_forward(running.id, 300)
        assert running.next_step_at is not None
        assert running.next_step_at > clock.now()

    assert broken() == {"escalation-missed": [task.reference]}


def test_a_triage_that_ended_without_an_answer_is_found(task: Record) -> None:
    with transaction():
        db.session.execute(
            update(TASK).where(TASK.c.id == task.id).values(code="triage", status="completed")
        )

    assert task.reference in broken()["triage-answered"]


def test_a_gap_in_the_history_is_found(task: Record) -> None:
    with transaction():
        db.session.execute(delete(HISTORY).where(HISTORY.c.id == task.id, HISTORY.c.version == 1))
    assert broken() == {"history": [task.reference]}


def test_an_event_that_waits_too_long_is_found(
    task: Record, advance: Callable[[timedelta], None]
) -> None:
    with transaction():
        tasks.ask_for_routing(SPOR, task.id)
    advance(timedelta(minutes=11))
    assert broken() == {"outbox-handled": [task.reference]}
    with transaction():
        db.session.execute(update(OUTBOX).values(attempts=6, error="x", due_at=clock.now()))
        db.session.execute(
            update(OUTBOX).where(OUTBOX.c.event != "TaskAwaitsRouting").values(error=None)
        )
    assert broken() == {"outbox-poisonous": [task.reference]}


def test_a_decision_that_was_changed_afterwards_is_found(task: Record) -> None:
    with transaction():
        db.session.execute(update(RoutingDecision).values(owner="Practitioner/somebody-else"))
    assert broken() == {"decision-replay": [task.reference]}


def test_the_auditor_gives_declined_work_on_whose_event_is_gone(task: Record, app: Flask) -> None:
    owner = task["owner"]["reference"]
    with transaction():
        body = task.resource | {
            "status": "rejected",
            "statusReason": {"coding": [{"code": "too-far"}]},
        }
        nurse = actor(owner.removeprefix("Practitioner/"))
        records.update(nurse, body, type="Task", id=task.id, if_match=task.version)
        db.session.execute(delete(OUTBOX))
    assert reconciliation.audit.run() == 0
    events = db.session.execute(
        select(OUTBOX.c.event).where(OUTBOX.c.handled_at.is_(None))
    ).scalars()

    assert list(events) == ["TaskReleased"]
    assert "auditor" in heartbeats.heartbeats(app.extensions["carehub_redis"])


def test_the_auditor_counts_what_is_broken(task: Record) -> None:
    with transaction():
        db.session.execute(delete(Assignment))
        db.session.execute(
            insert(OUTBOX).values(
                event="TaskAwaitsRouting",
                handler="routing.route_task",
                subject=task.reference,
                payload={},
                created_at=clock.now(),
                due_at=clock.now() - timedelta(hours=1),
            )
        )
    assert reconciliation.audit.run() == 2


def test_a_clock_that_disagrees_with_its_history_is_found(task: Record) -> None:
    with transaction():
        running = clocks.running(task.id)
        assert running is not None
        running.due_at += timedelta(minutes=1)
    assert broken() == {"clock-history": [task.reference]}


def test_a_clock_without_its_log_is_found(task: Record) -> None:
    with transaction():
        db.session.execute(delete(ClockEvent))
    assert broken() == {"clock-history": [task.reference]}


def test_overdue_work_that_nobody_was_or_will_be_told_of_is_found(
    task: Record, advance: Callable[[timedelta], None]
) -> None:
    with transaction():
        db.session.execute(update(TaskClock).values(next_step_at=None))
    advance(timedelta(hours=3))
    assert broken()["overdue-unescalated"] == [task.reference]


def test_urgent_work_of_somebody_who_is_away_until_it_is_due_is_found(
    task: Record, advance: Callable[[timedelta], None]
) -> None:
    advance(timedelta(minutes=11))
    assert "owner-off-shift" not in broken()
    with transaction():
        db.session.execute(
            update(Shift)
            .values(
                during=text(
                    "tstzrange(lower(during) - interval '2 days', "
                    "upper(during) - interval '2 days')"
                )
            )
            .where(Shift.practitioner == task["owner"]["reference"])
        )
        db.session.execute(
            delete(Shift).where(
                Shift.practitioner == task["owner"]["reference"],
                text("upper(during) > CAST(:now AS timestamptz)").bindparams(now=clock.now()),
            )
        )
    assert broken()["owner-off-shift"] == [task.reference]


def test_overdue_work_of_somebody_who_was_here_and_went_home_is_the_escalations(
    task: Record, advance: Callable[[timedelta], None]
) -> None:
    owner = Shift.practitioner == task["owner"]["reference"]
    advance(timedelta(hours=3))
    with transaction():
        db.session.execute(
            update(Shift)
            .where(owner, text("during @> CAST(:now AS timestamptz)").bindparams(now=clock.now()))
            .values(
                during=text("tstzrange(lower(during), CAST(:till AS timestamptz))").bindparams(
                    till=clock.now() - timedelta(minutes=1)
                )
            )
        )
    assert "owner-off-shift" not in broken()

    with transaction():
        db.session.execute(
            update(Shift)
            .where(owner)
            .values(
                during=text(
                    "tstzrange(lower(during) - interval '20 days', "
                    "upper(during) - interval '20 days')"
                )
            )
        )
    assert broken()["owner-off-shift"] == [task.reference]


def test_an_accepted_referral_that_was_never_given_to_routing_is_found(
    accepted_referral: Accepted, advance: Callable[[timedelta], None]
) -> None:
    made = accepted_referral()
    advance(timedelta(minutes=11))
    assert "routing-never-asked" not in broken()
    with transaction():
        db.session.execute(delete(OUTBOX))
    assert broken()["routing-never-asked"] == [made.reference]


def test_a_finding_is_opened_once_rings_once_and_is_cleared_when_mended(
    task: Record, advance: Callable[[timedelta], None]
) -> None:
    with transaction():
        spell = db.session.execute(
            select(Assignment).where(Assignment.ends_at.is_(None))
        ).scalar_one()
        owner, spell.owner = spell.owner, "Practitioner/nobody"
        spell_id = spell.id
    assert reconciliation.audit.run() == 1
    advance(timedelta(minutes=1))
    assert reconciliation.audit.run() == 1

    (found,) = findings.open_findings()
    rung = db.session.execute(select(Notice).where(Notice.kind == "AuditFinding")).scalars().all()
    assert (found.invariant, found.subject) == ("task-assignment", task.reference)
    assert found.last_seen - found.first_seen == timedelta(minutes=1)
    assert rung
    assert len({notice.recipient for notice in rung}) == len(rung)
    with transaction():
        db.session.execute(update(Assignment).where(Assignment.id == spell_id).values(owner=owner))
    assert reconciliation.audit.run() == 0
    assert findings.open_findings() == []
    assert [each.id for each in findings.cleared()] == [found.id]
