"""Tasks through their life: every verb, its refusals, and the rows that follow the Task."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from fhir.outcomes import NotFoundError, VersionConflictError
from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.domain.definition import HubDefinition
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.models.notice import Notice
from hub.records.tables import OUTBOX, RELATIONSHIPS
from hub.services import assignments, clocks, hand_overs, notices, task_content, tasks
from hub.transaction import transaction
from tests.factories.assignment import assignment
from tests.factories.task import visit
from tests.unit.hub.services.clockwork import Clockwork

SPOR = hub_actor("spor")
Staff = Callable[[str], Actor]


@pytest.fixture(autouse=True)
def time(app: Flask, tmp_path: Path) -> Clockwork:
    return Clockwork(tmp_path)


@pytest.fixture
def patient(person: Callable[..., Any]) -> str:
    return str(person().reference)


def events(subject: str) -> list[str]:
    return list(
        db.session.execute(
            select(OUTBOX.c.event).where(OUTBOX.c.subject == subject).order_by(OUTBOX.c.id)
        ).scalars()
    )


def test_an_opened_task_has_owner_organisations_clock_and_spell(
    definition: HubDefinition, patient: str
) -> None:
    task = visit(patient)

    assert task["owner"] == {"reference": "CareTeam/district-nursing-west"}
    assert task.managed
    assert task_content.due_at(task.resource) == clock.now() + timedelta(hours=2)
    running = clocks.running(task.id)
    assert running is not None
    assert running.next_step_at == clock.now() + timedelta(hours=1)
    spell = assignments.current(task.id)
    assert spell is not None
    assert (spell.owner, spell.team, spell.urgent) == (
        "CareTeam/district-nursing-west",
        "CareTeam/district-nursing-west",
        True,
    )


def test_of_two_who_claim_the_second_is_told_who_was_first(patient: str, staff: Staff) -> None:
    task = visit(patient)
    with transaction():
        claimed = tasks.claim(staff("asha-nurse"), task.id, version=task.version)

    assert claimed["owner"] == {"reference": "Practitioner/asha-nurse"}
    assert claimed["status"] == "accepted"
    with transaction(), pytest.raises(StateError, match="Asha Patel has already taken"):
        tasks.claim(staff("gareth-price"), task.id, version=task.version)


def test_nobody_claims_the_work_of_another_team(patient: str, staff: Staff) -> None:
    task = visit(patient)
    # A member of another team who may see the person through their own work.
    visit(patient, owner="CareTeam/palliative")

    with transaction(), pytest.raises(NotPermittedError):
        tasks.claim(staff("petra-palliative"), task.id, version=task.version)


def test_a_stale_version_changes_nothing(patient: str, staff: Staff) -> None:
    task = visit(patient, owner="Practitioner/asha-nurse")
    with transaction():
        tasks.accept(staff("asha-nurse"), task.id, version=1)

    with transaction(), pytest.raises(VersionConflictError):
        tasks.start(staff("asha-nurse"), task.id, version=1)


def test_declined_work_goes_back_to_the_team_and_is_routed_again(
    patient: str, staff: Staff
) -> None:
    task = visit(patient, owner="Practitioner/asha-nurse")
    with transaction():
        back = tasks.decline(
            staff("asha-nurse"), task.id, version=1, reason="too-far", note="On the other round"
        )

    assert back["owner"] == {"reference": "CareTeam/district-nursing-west"}
    assert back["status"] == "requested"
    assert events(task.reference) == ["TaskAssigned", "TaskReleased"]
    rejected = records.vread(SPOR, "Task", task.id, 2)
    assert rejected["status"] == "rejected"
    assert task_content.code(rejected.resource, "statusReason") == "too-far"
    assert clocks.running(task.id) is not None
    assert [spell.outcome for spell in assignments.spells_of(task.id)] == ["declined", None]


def test_completing_stops_the_clock_and_ends_the_spell(patient: str, staff: Staff) -> None:
    task = visit(patient, owner="Practitioner/asha-nurse")
    asha = staff("asha-nurse")
    with transaction():
        tasks.accept(asha, task.id, version=1)
        tasks.start(asha, task.id, version=2)
        done = tasks.complete(asha, task.id, version=3, outcome="seen", note="All well")

    assert done["status"] == "completed"
    assert task_content.outcome(done.resource) == "seen"
    assert task_content.code(done.resource, "businessStatus") == "closed"
    assert clocks.running(task.id) is None
    assert assignments.current(task.id) is None


def test_work_not_yet_accepted_is_accepted_by_whoever_finishes_it(
    patient: str, staff: Staff
) -> None:
    task = visit(patient, code="read-document", owner="CareTeam/spor")
    with transaction():
        done = tasks.complete(staff("sam-spor"), task.id, version=1, outcome="accepted")

    assert done.version == 3
    assert done["owner"] == {"reference": "Practitioner/sam-spor"}
    assert task_content.code(done.resource, "businessStatus") == "accepted"


def test_a_completion_is_undone_within_five_minutes_and_not_later(
    patient: str, staff: Staff, time: Clockwork
) -> None:
    asha = staff("asha-nurse")
    task = visit(patient, owner="Practitioner/asha-nurse")
    # A second task keeps the person visible to the nurse after the first is done.
    visit(patient, owner="Practitioner/asha-nurse")
    with transaction():
        tasks.complete(asha, task.id, version=1, outcome="seen")
    time.advance(minutes=4)
    with transaction():
        again = tasks.undo(asha, task.id, version=3)

    assert again["status"] == "in-progress"
    assert clocks.running(task.id) is not None
    assert assignments.current(task.id) is not None

    with transaction():
        tasks.complete(asha, task.id, version=4, outcome="seen")
    time.advance(minutes=6)
    with transaction(), pytest.raises(RuleError):
        tasks.undo(asha, task.id, version=5)


def test_a_hold_pauses_only_a_clock_that_knows_its_reason(
    patient: str, staff: Staff, time: Clockwork
) -> None:
    asha = staff("asha-nurse")
    crisis = visit(patient, owner="Practitioner/asha-nurse")
    routine = visit(
        patient, owner="Practitioner/asha-nurse", clock="community-routine", priority="routine"
    )
    due = task_content.due_at(routine.resource)
    assert due is not None
    review = clock.now() + timedelta(days=1)
    with transaction():
        for task in (crisis, routine):
            tasks.accept(asha, task.id, version=1)
            tasks.hold(asha, task.id, version=2, reason="in-hospital", review_at=review)

    crisis_clock, routine_clock = clocks.running(crisis.id), clocks.running(routine.id)
    assert crisis_clock is not None
    assert crisis_clock.next_step_at is not None
    assert routine_clock is not None
    assert routine_clock.next_step_at is None

    time.advance(days=2)
    with transaction():
        resumed = tasks.resume(asha, routine.id, version=3)
    later = task_content.due_at(resumed.resource)
    assert later is not None
    assert later > due
    assert "TaskHoldEnds" in events(routine.reference)


def test_a_paused_clock_runs_again_when_somebody_else_gets_the_work(
    patient: str, staff: Staff, time: Clockwork
) -> None:
    asha, lucy = staff("asha-nurse"), staff("lucy-hart")
    paused = [
        visit(
            patient, owner="Practitioner/asha-nurse", clock="community-routine", priority="routine"
        )
        for _ in range(2)
    ]
    with transaction():
        for task in paused:
            tasks.accept(asha, task.id, version=1)
            tasks.hold(
                asha,
                task.id,
                version=2,
                reason="in-hospital",
                review_at=clock.now() + timedelta(days=9),
            )
    time.advance(days=2)

    with transaction():
        offer = hand_overs.offer(asha, paused[0].id, version=3, to="Practitioner/lucy-hart")
        handed = hand_overs.accept(lucy, offer.id)
        moved = tasks.assign(
            SPOR, paused[1].id, to="Practitioner/lucy-hart", because="away", cause="absence"
        )

    for task, before in ((handed, paused[0]), (moved, paused[1])):
        running = clocks.running(task.id)
        assert running is not None
        assert running.next_step_at is not None
        due, was = task_content.due_at(task.resource), task_content.due_at(before.resource)
        assert due == running.due_at
        assert due is not None
        assert was is not None
        assert due > was


def test_a_hold_by_the_api_pauses_the_clock_and_says_when_somebody_looks_again(
    patient: str, staff: Staff, time: Clockwork
) -> None:
    asha = staff("asha-nurse")
    task = visit(
        patient, owner="Practitioner/asha-nurse", clock="community-routine", priority="routine"
    )
    with transaction():
        accepted = tasks.accept(asha, task.id, version=1)
    body = accepted.resource | {"status": "on-hold"}
    with transaction(), pytest.raises(RuleError, match="coded reason"):
        records.update(asha, body, type="Task", id=task.id, if_match=2)
    task_content.set_reason(body, "in-hospital")
    with transaction(), pytest.raises(RuleError, match="when somebody looks again"):
        records.update(asha, body, type="Task", id=task.id, if_match=2)
    task_content.set_review(body, clock.now() + timedelta(days=1))
    with transaction():
        held = records.update(asha, body, type="Task", id=task.id, if_match=2)

    running = clocks.running(task.id)
    assert running is not None
    assert running.next_step_at is None
    assert "TaskHoldEnds" in events(task.reference)

    time.advance(hours=5)
    with transaction():
        records.update(
            asha, held.resource | {"status": "in-progress"}, type="Task", id=task.id, if_match=3
        )
    again = clocks.running(task.id)
    assert again is not None
    assert again.next_step_at is not None


def test_a_colleague_who_finishes_a_task_is_who_takes_that_back(patient: str, staff: Staff) -> None:
    task = visit(patient, owner="Practitioner/asha-nurse")
    visit(patient)
    asha, gareth = staff("asha-nurse"), staff("gareth-price")
    with transaction():
        tasks.accept(asha, task.id, version=1)
        tasks.complete(gareth, task.id, version=2, outcome="done")

    with transaction(), pytest.raises(NotPermittedError):
        tasks.undo(asha, task.id, version=3)
    with transaction():
        assert tasks.undo(gareth, task.id, version=3)["owner"] == task["owner"]


def test_undo_works_though_the_record_is_closed_to_who_finished_and_opens_nothing_else(
    patient: str, staff: Staff
) -> None:
    task = visit(patient, owner="Practitioner/petra-palliative")
    petra = staff("petra-palliative")
    with transaction():
        done = tasks.complete(petra, task.id, version=1, outcome="done")
    with pytest.raises(NotFoundError):
        records.read(petra, "Task", task.id)
    with transaction(), pytest.raises(NotFoundError):
        tasks.undo(staff("mina-mental"), task.id, version=done.version)

    with transaction():
        again = tasks.undo(petra, task.id, version=done.version)

    assert again["status"] == "in-progress"
    assert records.read(petra, "Task", task.id).version == again.version
    bases = select(RELATIONSHIPS.c.basis).where(RELATIONSHIPS.c.source == task.reference)
    assert "offered-work" not in db.session.execute(bases).scalars().all()


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("start", "started the task"),
        ("hold", "put the task on hold"),
        ("resume", "took the task up again"),
        ("complete", "completed the task"),
        ("undo", "took back that the task is done"),
    ],
)
def test_who_asked_is_told_of_every_change_once(
    patient: str, staff: Staff, verb: str, words: str
) -> None:
    asha = staff("asha-nurse")
    task = visit(patient, owner="Practitioner/asha-nurse")
    steps: list[tuple[str, dict[str, Any]]] = [
        ("accept", {}),
        ("start", {}),
        ("hold", {"reason": "in-hospital", "review_at": clock.now() + timedelta(days=1)}),
        ("resume", {}),
        ("complete", {"outcome": "done"}),
        ("undo", {}),
    ]
    for version, (name, given) in enumerate(steps, 1):
        with transaction():
            getattr(tasks, name)(asha, task.id, version=version, **given)
        if name == verb:
            break

    told = [each.line for each in notices.unseen(staff("sam-spor"))]
    assert len([each for each in told if words in each]) == 1
    assert len(told) == version
    assert notices.unseen(asha) == []


def test_only_requester_or_accountable_organisation_calls_work_off(
    patient: str, staff: Staff
) -> None:
    task = visit(patient, owner="Practitioner/petra-palliative")
    # Work of her own lets the nurse see the person.
    visit(patient, owner="Practitioner/asha-nurse")
    with transaction(), pytest.raises(NotPermittedError):
        tasks.cancel(staff("petra-palliative"), task.id, version=1, reason="not-needed")

    with transaction():
        cancelled = tasks.cancel(staff("asha-nurse"), task.id, version=1, reason="not-needed")
    assert cancelled["status"] == "cancelled"
    assert clocks.running(task.id) is None


def test_rows_follow_a_task_that_is_written_past_the_verbs(patient: str, staff: Staff) -> None:
    """The API updates the record itself; spells, clock and events must not know the difference."""
    asha = staff("asha-nurse")
    task = visit(patient, owner="Practitioner/asha-nurse")
    with transaction():
        body = task.resource | {"status": "accepted"}
        accepted = records.update(asha, body, type="Task", id=task.id, if_match=1)
        body = accepted.resource | {
            "status": "completed",
            "executionPeriod": {"end": records.instant(clock.now())},
        }
        records.update(asha, body, type="Task", id=task.id, if_match=2)

    assert clocks.running(task.id) is None
    spell = assignments.spells_of(task.id)[-1]
    assert (spell.outcome, spell.ended_by) == ("completed", "Practitioner/asha-nurse")


def test_the_database_itself_refuses_two_owners_at_once(patient: str) -> None:
    task = visit(patient)
    with transaction():
        spell = assignments.current(task.id)
        assert spell is not None
        with pytest.raises(IntegrityError, match="uq_assignment_current"):
            assignment(task.id)
        db.session.rollback()


def test_a_notice_is_told_once_a_cause_and_ticked_off_by_its_recipient(
    definition: HubDefinition, staff: Staff
) -> None:
    with transaction():
        for _ in range(2):
            notices.tell(["Practitioner/asha-nurse"], kind="X", subject="Task/1", line="x", key="k")
        found = notices.unseen(staff("asha-nurse"))
        assert len(found) == 1
        assert notices.tick_off(staff("sam-spor"), [found[0].id]) == 0
        assert notices.tick_off(staff("asha-nurse"), [found[0].id]) == 1
        assert notices.unseen(staff("asha-nurse")) == []
        db.session.execute(update(Notice).values(seen_at=None))
