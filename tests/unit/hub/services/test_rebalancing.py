"""A plan for a team's day: made from what stands, answered line by line while that is true."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import event, select

from fhir.outcomes import NotFoundError
from hub import clock
from hub.adapters import solver
from hub.db import db
from hub.domain import rebalancing as rules
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.models.rebalancing import RebalancingMove, RebalancingPlan
from hub.queries import rebalancing as query
from hub.records import Record, new_id
from hub.records.tables import OUTBOX
from hub.services import (
    assignments,
    hand_overs,
    rebalancing,
    rebalancing_answers,
    rota,
    tasks,
)
from hub.transaction import transaction
from tests.factories.task import visit
from tests.unit.hub.services.clockwork import Clockwork

WEST = "CareTeam/district-nursing-west"
ASHA = "Practitioner/asha-nurse"
HUB = hub_actor("test")
Staff = Callable[[str], Actor]


@pytest.fixture
def clockwork(tmp_path: Path) -> Clockwork:
    made = Clockwork(tmp_path)
    made.advance(hours=3, minutes=30)
    return made


@pytest.fixture
def patient(clockwork: Clockwork, person: Callable[..., object]) -> str:
    return str(person().reference)  # type: ignore[attr-defined]


def routine(patient: str, **named: object) -> Record:
    return visit(patient, priority="routine", clock=None, **named)


def lines(plan: RebalancingPlan) -> list[RebalancingMove]:
    db.session.expire_all()
    return list(query.moves_of(plan.id))


def test_what_waits_in_the_pool_gets_an_owner_only_once_a_line_is_accepted(
    patient: str, staff: Staff
) -> None:
    waiting = [routine(patient) for _ in range(3)]
    lead = staff("asha-nurse")

    plan = rebalancing.propose(lead, WEST)

    assert plan.proven
    assert (plan.before["waiting"], plan.after["waiting"]) == (3, 0)
    assert {each.task_id for each in lines(plan)} == {each.id for each in waiting}
    assert {assignments.current(each.id).owner for each in waiting} == {WEST}  # type: ignore[union-attr]

    first = lines(plan)[0]
    done = rebalancing_answers.accept_many(lead, plan.id, [first.id])

    assert [each.state for each in done] == ["accepted"]
    spell = assignments.current(first.task_id)
    assert spell is not None
    assert spell.owner == first.to
    assert lines(plan)[0].answered_by == ASHA
    told = db.session.execute(
        select(OUTBOX.c.payload).where(
            OUTBOX.c.event == "TaskAssigned", OUTBOX.c.subject == f"Task/{first.task_id}"
        )
    ).all()
    assert first.to in str(told[-1])


def test_a_line_that_is_refused_leaves_its_task_and_cannot_be_accepted_after(
    patient: str, staff: Staff
) -> None:
    task, lead = routine(patient), staff("asha-nurse")
    plan = rebalancing.propose(lead, WEST)
    line = lines(plan)[0]
    with transaction():
        rebalancing_answers.refuse(lead, plan.id, [line.id])

    assert rebalancing_answers.accept_many(lead, plan.id, [line.id])[0].state == "refused"
    assert assignments.current(task.id).owner == WEST  # type: ignore[union-attr]


@pytest.mark.parametrize("change", ["claimed", "completed", "held", "away"])
def test_a_line_whose_facts_have_changed_lapses_and_says_why(
    change: str, patient: str, staff: Staff
) -> None:
    task, lead = routine(patient), staff("asha-nurse")
    plan = rebalancing.propose(lead, WEST)
    line = lines(plan)[0]
    with transaction():
        match change:
            case "claimed":
                tasks.claim(staff("lucy-hart"), task.id, version=1)
            case "completed":
                tasks.claim(staff("lucy-hart"), task.id, version=1)
                tasks.complete(staff("lucy-hart"), task.id, version=2, outcome="done")
            case "held":
                tasks.claim(staff("lucy-hart"), task.id, version=1)
                tasks.hold(
                    staff("lucy-hart"), task.id, version=2, reason="person-away",
                    review_at=clock.now() + timedelta(hours=2),
                )  # fmt: skip
            case _:
                rota.report_absence(
                    HUB, line.to, starts_at=clock.now(), ends_at=None, reason="sickness"
                )
    before = assignments.current(task.id)

    done = rebalancing_answers.accept_many(lead, plan.id, [line.id])[0]

    assert done.state == "lapsed"
    assert ("away" if change == "away" else "has changed") in done.note
    after = assignments.current(task.id)
    assert (before and before.owner) == (after and after.owner)


def test_one_line_that_lapses_keeps_no_other_from_happening(patient: str, staff: Staff) -> None:
    for _ in range(3):
        routine(patient)
    lead = staff("asha-nurse")
    plan = rebalancing.propose(lead, WEST)
    asked = lines(plan)
    with transaction():
        tasks.claim(staff("lucy-hart"), asked[1].task_id, version=1)

    done = rebalancing_answers.accept_many(lead, plan.id, [each.id for each in asked])

    assert [each.state for each in done] == ["accepted", "lapsed", "accepted"]


def test_a_newer_plan_takes_the_place_of_the_one_before(patient: str, staff: Staff) -> None:
    routine(patient)
    lead = staff("asha-nurse")
    old, new = rebalancing.propose(lead, WEST), rebalancing.propose(lead, WEST)

    assert query.standing(WEST).id == new.id  # type: ignore[union-attr]
    assert [(each.state, each.note) for each in lines(old)] == [("lapsed", "a newer plan was made")]
    with pytest.raises(StateError, match="newer plan"):
        rebalancing_answers.accept_many(lead, old.id, [lines(old)[0].id])


def test_a_plan_ends_with_its_day(patient: str, staff: Staff, clockwork: Clockwork) -> None:
    routine(patient)
    lead = staff("asha-nurse")
    plan = rebalancing.propose(lead, WEST)
    clockwork.set(plan.expires_at)

    with pytest.raises(StateError, match="day of this plan is over"):
        rebalancing_answers.accept_many(lead, plan.id, [lines(plan)[0].id])
    assert rebalancing_answers.is_over(plan)


def test_only_the_lead_and_managers_share_out_a_teams_work(patient: str, staff: Staff) -> None:
    routine(patient)
    plan = rebalancing.propose(staff("morgan-manager"), WEST)
    line = lines(plan)[0].id
    with pytest.raises(NotPermittedError):
        rebalancing.propose(staff("lucy-hart"), WEST)
    with pytest.raises(NotPermittedError):
        rebalancing_answers.accept_many(staff("lucy-hart"), plan.id, [line])
    with pytest.raises(RuleError) as refused:
        rebalancing.propose(staff("morgan-manager"), "CareTeam/nobody")
    assert "district-nursing-west" in (refused.value.allowed or ())
    with pytest.raises(NotFoundError):
        rebalancing_answers.accept_many(staff("asha-nurse"), plan.id, [new_id()])
    with pytest.raises(NotFoundError):
        rebalancing_answers.accept_many(staff("asha-nurse"), plan.id, [line], team="CareTeam/spor")


def test_what_is_on_hold_or_offered_to_somebody_is_not_shared_out(
    patient: str, staff: Staff
) -> None:
    held, offered, free = (routine(patient, owner=ASHA) for _ in range(3))
    mine = staff("asha-nurse")
    with transaction():
        tasks.accept(mine, held.id, version=1)
        tasks.hold(
            mine, held.id, version=2, reason="person-away",
            review_at=clock.now() + timedelta(hours=2),
        )  # fmt: skip
        tasks.accept(mine, offered.id, version=1)
        hand_overs.offer(mine, offered.id, version=2, to="Practitioner/lucy-hart")

    asked = rebalancing.ask(WEST).problem

    assert [each.task_id for each in asked.work] == [free.id]


def test_the_question_is_asked_in_as_many_statements_for_thirty_tasks_as_for_three(
    patient: str, staff: Staff
) -> None:
    def counted() -> int:
        seen: list[str] = []

        def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        event.listen(db.engine, "after_cursor_execute", note)
        try:
            rebalancing.ask(WEST)
        finally:
            event.remove(db.engine, "after_cursor_execute", note)
            db.session.rollback()
        return len(seen)

    for _ in range(3):
        routine(patient)
    few = counted()
    for _ in range(27):
        routine(patient)

    assert counted() == few


def test_a_kept_plan_can_be_solved_again_to_the_same_answer(patient: str, staff: Staff) -> None:
    for number in range(6):
        routine(patient, owner=ASHA if number % 2 else WEST)
    plan = rebalancing.propose(staff("asha-nurse"), WEST)

    problem = rebalancing.problem_of(plan)
    again = solver.solve(problem)

    assert (again.cost, again.bound) == (plan.cost, plan.bound)
    moved = {
        each.task_id: owner
        for each, owner in zip(problem.work, again.owners, strict=True)
        if owner != each.owner
    }
    assert moved == {each.task_id: each.to for each in lines(plan)}
    assert rules.faults(problem, again.owners) == []


def test_two_leads_accept_every_line_in_one_moment_and_each_moves_once(
    app: Flask, patient: str, staff: Staff
) -> None:
    for _ in range(4):
        routine(patient)
    plan_id = rebalancing.propose(staff("asha-nurse"), WEST).id
    ids = [each.id for each in query.moves_of(plan_id)]
    leads = [staff("asha-nurse"), staff("morgan-manager")]
    together = Barrier(2)
    db.session.remove()

    def accept(lead: Actor) -> list[str]:
        with app.app_context():
            together.wait()
            try:
                return [each.state for each in rebalancing_answers.accept_many(lead, plan_id, ids)]
            finally:
                db.session.remove()

    with ThreadPoolExecutor(2) as pool:
        states = list(pool.map(accept, leads))

    assert states == [["accepted"] * 4] * 2, "the second hears that it has happened"
    for line in query.moves_of(plan_id):
        spells = assignments.spells_of(line.task_id)
        assert [each.owner for each in spells] == [WEST, line.to]
