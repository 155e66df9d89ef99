"""What routing knows of people and staff: wishes, conflicts, objections, restriction, points."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.domain.definition import HubDefinition
from hub.domain.errors import RuleError, StateError
from hub.domain.routing import Bar
from hub.models.decision import RoutingDecision, RoutingPiece
from hub.queries import invariants_of_records, matching
from hub.services import assignments, conflicts, explanations, rota, routing, tasks, wishes
from hub.services.routing import Wanted
from hub.transaction import transaction
from tests.factories.absence import absence
from tests.factories.task import visit
from tests.unit.hub.services.clockwork import Clockwork

ROUTING = hub_actor("routing")
WEST = "CareTeam/district-nursing-west"
Staff = Callable[[str], Actor]


@pytest.fixture(autouse=True)
def midday(clockwork: Clockwork) -> Clockwork:
    """Half past one on a Sunday: the early and the late of every team are there."""
    clockwork.advance(hours=3, minutes=30)
    return clockwork


@pytest.fixture
def patient(person: Callable[..., Any]) -> str:
    return str(person().reference)


def route(task_id: str, **more: Any) -> RoutingDecision:
    with transaction():
        decision = routing.route(ROUTING, task_id, **more)
    assert decision is not None
    return decision


def bars(task_id: str) -> dict[str, Bar]:
    found = explanations.of_task(task_id).decision
    return {each.staff: each.bar for each in found.exclusions}


def test_a_conflict_of_interest_bars_and_moves_the_work_that_is_open(
    definition: HubDefinition, patient: str, staff: Staff
) -> None:
    jo = staff("jo-coordinator")
    task = visit(patient)
    first = route(task.id).owner
    with transaction():
        kept = conflicts.record(jo, patient, first, reason="family", note="His aunt")

    spell = assignments.current(task.id)
    assert spell is not None
    assert spell.owner != first
    # Who lost it is not asked again about this task; the conflict bars the next one.
    assert bars(task.id)[first] is Bar.REFUSED
    next_one = visit(patient)
    route(next_one.id)
    assert bars(next_one.id)[first] is Bar.CONFLICT
    assert "family or close friend" in routing.why_not(next_one.id, first)
    assert "aunt" not in str(explanations.of_task(next_one.id))
    assert "aunt" not in str(explanations.of_task(task.id))
    assert (kept.recorded_by, kept.ended_at) == ("Practitioner/jo-coordinator", None)
    with transaction(), pytest.raises(StateError, match="stands already"):
        conflicts.record(jo, patient, first, reason="wish")
    with transaction():
        conflicts.end(jo, patient, kept.id)
    other = visit(patient)
    route(other.id)
    assert first not in {who for who, bar in bars(other.id).items() if bar is Bar.CONFLICT}
    with transaction(), pytest.raises(StateError, match="ended already"):
        conflicts.end(jo, patient, kept.id)


def test_a_conflict_names_somebody_and_a_reason_that_there_is(patient: str, staff: Staff) -> None:
    jo = staff("jo-coordinator")
    with transaction(), pytest.raises(RuleError, match="not a reason for a conflict") as refused:
        conflicts.record(jo, patient, "Practitioner/asha-nurse", reason="dislike")
    assert refused.value.field == "reason"
    with transaction(), pytest.raises(RuleError, match="member of staff"):
        conflicts.record(jo, patient, "Practitioner/nobody", reason="family")
    assert not matching.standing_conflicts(patient)


def test_a_firm_wish_bars_the_other_gender_and_a_softer_one_takes_its_place(
    definition: HubDefinition, patient: str, staff: Staff
) -> None:
    patient_id = patient.removeprefix("Patient/")
    jo = staff("jo-coordinator")
    with transaction():
        wishes.record(jo, patient_id, "worker-female-only")
    task = visit(patient)
    owner = route(task.id).owner

    assert definition.staff[owner.removeprefix("Practitioner/")].gender == "female"
    men = {f"Practitioner/{each.username}" for each in definition.staff.values()
           if each.gender == "male"}  # fmt: skip
    assert Bar.GENDER in {bar for who, bar in bars(task.id).items() if who in men}
    with transaction():
        wishes.record(jo, patient_id, "worker-male")
    (flag,) = wishes.of_person(jo, patient_id)
    assert flag.resource["code"]["text"] == "Would rather a man came"
    other = visit(patient)
    route(other.id)
    assert Bar.GENDER not in bars(other.id).values()
    with transaction():
        wishes.end(jo, patient_id, flag.id)
    assert wishes.of_person(jo, patient_id) == []


def test_an_objection_bars_whoever_it_names(definition: HubDefinition, patient: str) -> None:
    unwanted = route(visit(patient).id).owner
    records.create(
        ROUTING,
        {
            "resourceType": "Consent",
            "status": "active",
            "scope": {"coding": [{"code": "patient-privacy"}]},
            "category": [{"coding": [{"code": "IDSCL"}]}],
            "patient": {"reference": patient},
            "policyRule": {"coding": [{"code": "OPTOUT"}]},
            "provision": {
                "type": "deny",
                "actor": [
                    {
                        "role": {"coding": [{"code": "PRCP"}]},
                        "reference": {"reference": unwanted},
                    }
                ],
            },
        },
    )
    task = visit(patient)
    decision = route(task.id)

    assert decision.owner != unwanted
    assert bars(task.id)[unwanted] is Bar.NO_RELATIONSHIP
    assert "the person objects" in routing.why_not(task.id, unwanted)


def test_a_restricted_record_does_not_go_to_a_neighbour_by_widening(
    definition: HubDefinition, person: Callable[..., Any]
) -> None:
    secret = person(
        meta={
            "security": [
                {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
            ]
        }
    ).reference
    for member in definition.members("district-nursing-west"):
        absence(f"Practitioner/{member.username}")
    task = visit(secret)
    decision = route(task.id)

    assert decision.owner == "CareTeam/duty-desk"
    assert Bar.NO_RELATIONSHIP in bars(task.id).values()
    # Without the mark a neighbour has it.
    assert route(visit(person("9990000026").reference).id).owner.startswith("Practitioner/")


def test_an_employer_whose_agreement_has_ended_gets_nothing(
    definition: HubDefinition, patient: str
) -> None:
    with transaction():
        db.session.execute(
            db.text("UPDATE sharing_agreement SET ended_at = :now WHERE organization = :who"),
            {"now": clock.now(), "who": "Organization/rxs"},
        )
    task = visit(patient)

    assert route(task.id).owner == "CareTeam/duty-desk"
    assert Bar.NO_RELATIONSHIP in bars(task.id).values()


def test_the_weight_of_a_task_stands_on_its_spells_and_fills_the_day(
    definition: HubDefinition, patient: str
) -> None:
    opened = [visit(patient, minutes=1, priority="routine") for _ in range(30)]
    with transaction():
        made = routing.route_all(ROUTING, [Wanted(each.id) for each in opened])

    weight = definition.task_points["intervention"]
    spell = assignments.current(opened[0].id)
    assert spell is not None
    assert spell.points == weight
    for who in {each.owner for each in made if each.owner.startswith("Practitioner/")}:
        held = sum(each.owner == who for each in made)
        assert held * weight <= (definition.routing.capacity_points or 0)
    assert Bar.NO_POINTS in {bar for each in opened for bar in bars(each.id).values()}


def test_forty_tasks_take_as_many_statements_as_four(
    definition: HubDefinition, person: Callable[..., Any], staff: Staff
) -> None:
    who = route(visit(person().reference).id).owner
    everybody = [person(number).reference for number in ("9990000026", "9990000034")]

    def statements(count: int) -> int:
        given = [visit(everybody[n % 2], minutes=5) for n in range(count)]
        with transaction():
            for task in given:
                tasks.assign(ROUTING, task.id, to=who, because="a test")
        seen: list[str] = []

        def look(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            seen.append(statement)

        event.listen(db.engine, "before_cursor_execute", look)
        try:
            with transaction():
                away = rota.report_absence(
                    staff(who.removeprefix("Practitioner/")),
                    who,
                    # Another absence each time: one that is known is not reported again.
                    starts_at=clock.now() - timedelta(minutes=count),
                    ends_at=None,
                    reason="sickness",
                )
        finally:
            event.remove(db.engine, "before_cursor_execute", look)
        assert away.moved >= count
        assert who not in {spell.owner for task in given if (spell := assignments.current(task.id))}
        return len(seen)

    assert statements(40) <= statements(4) + 2


def test_a_decision_names_its_pieces_and_the_next_one_shares_them(
    definition: HubDefinition, patient: str
) -> None:
    first, second = visit(patient), visit(patient)
    route(first.id)
    pieces = db.session.query(RoutingPiece).count()
    route(second.id)

    assert pieces == 4
    assert db.session.query(RoutingPiece).count() == pieces
    assert list(invariants_of_records.decisions_replay()) == []
    db.session.query(RoutingPiece).delete()
    db.session.commit()
    (breach, _) = invariants_of_records.decisions_replay()
    assert "lacks a piece" in breach.detail


def test_what_if_is_answered_from_what_was_kept_whoever_has_come_since(
    definition: HubDefinition, patient: str
) -> None:
    task = visit(patient)
    owner = route(task.id).owner
    with transaction():
        tasks.assign(ROUTING, task.id, to="Practitioner/dana-duty", because="a test")

    found = explanations.of_task(task.id, who=owner, if_off=owner)
    assert found.why_not == "It did come to you."
    assert found.otherwise is not None
    assert found.otherwise.owner != owner
    assert (found.otherwise_words or "").startswith("It would have gone to ")
    with pytest.raises(RuleError, match="one at a time"):
        explanations.of_task(task.id, if_off=owner, if_on=owner)
    with pytest.raises(RuleError, match="not among those who were asked"):
        explanations.of_task(task.id, if_off="Practitioner/aud-hearing")
    with pytest.raises(StateError, match="by the rules"):
        explanations.of_task(visit(patient).id)
