"""The orphan guard: nobody goes while something is theirs, by whatever door."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
import yaml
from flask import Flask
from sqlalchemy import select

from hub import clock, records
from hub.db import db
from hub.domain.accountability import AccountableRole
from hub.domain.actor import Actor
from hub.domain.definition import HubDefinition
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.register import PlaceOfDeath
from hub.models.absence import Absence
from hub.models.account import Account
from hub.models.departure import Departure
from hub.models.notice import Notice
from hub.queries import integrity
from hub.records.tables import OUTBOX
from hub.samples import SOUTHEND
from hub.services import (
    accountability,
    accountability_offers,
    definitions,
    deputies,
    leaving,
    people,
    task_content,
    tasks,
)
from hub.services.leaving import Kind, StillHoldsError
from hub.transaction import transaction
from tests.factories.account import account
from tests.factories.care_team import care_team
from tests.factories.subscriber import subscriber
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.conftest import SET_UP, Person

Make = Callable[..., Person]
Staff = Callable[[str], Actor]
LUCY = "Practitioner/lucy-hart"
ASHA = "Practitioner/asha-nurse"
GARETH = "Practitioner/gareth-price"


def task(person: Person, owner: str = LUCY, code: str = "intervention") -> records.Record:
    with transaction():
        return tasks.open_task(
            SET_UP,
            code=code,
            patient=person.reference,
            description="Change the dressing",
            owner=owner,
            performing_organization="Organization/rxs",
            accountable_organization="Organization/rxs",
        )


def kinds(practitioner: str = LUCY) -> list[Kind]:
    return [each.kind for each in leaving.what_holds(practitioner)]


@pytest.fixture
def lucy_holds(person: Make, clockwork: Clockwork) -> Person:
    """Lucy with one thing of every kind that somebody who leads nothing can hold."""
    ada = person()
    with transaction():
        accountability.name(SET_UP, ada.id, role="care-coordinator", practitioner=LUCY)
        accountability_offers.offer(SET_UP, [ada.id], role="care-coordinator", to=ASHA)
        care_team(ada.reference, LUCY)
        account("lucy-hart", practitioner=LUCY)
        account("gareth-price", practitioner=GARETH)
        subscriber(actor_id="user/lucy-hart", active=True)
        plan = records.create(
            SET_UP,
            {
                "resourceType": "CarePlan",
                "status": "draft",
                "intent": "plan",
                "subject": {"reference": ada.reference},
                "activity": [
                    {"detail": {"status": "scheduled", "performer": [{"reference": LUCY}]}}
                ],
            },
            managed=True,
        )
    assert plan.managed
    task(ada)
    task(ada, code="triage")
    return ada


def test_everything_that_somebody_holds_is_found(lucy_holds: Person) -> None:
    assert sorted(kinds()) == sorted(
        [
            Kind.ACCOUNTABILITY,
            Kind.REFERRAL,
            Kind.TASK,
            Kind.PLAN,
            Kind.MEMBERSHIP,
            Kind.SUBSCRIPTION,
            Kind.OFFER,
        ]
    )
    assert Kind.OFFER in kinds(ASHA)
    assert Kind.LEAD in kinds(ASHA)
    assert Kind.DUTY_MANAGER in kinds("Practitioner/dana-duty")


def test_leaving_is_refused_with_the_full_list(lucy_holds: Person) -> None:
    with pytest.raises(StillHoldsError, match="1 open task") as refused, transaction():
        leaving.leave(SET_UP, LUCY)

    assert [each.key for each in refused.value.held] == list(refused.value.allowed)
    assert len(refused.value.held) == 7
    assert db.session.get(Departure, LUCY) is None
    assert records.read(SET_UP, "Practitioner", "lucy-hart")["active"] is True


def test_rehomed_in_one_go_they_may_leave_and_nothing_is_lost(
    lucy_holds: Person, staff: Staff, clockwork: Clockwork
) -> None:
    clockwork.advance(minutes=1)
    keys = [each.key for each in leaving.what_holds(LUCY)]
    with transaction():
        assert leaving.rehome(staff("dana-duty"), LUCY, keys, to=GARETH) == []
    with transaction():
        leaving.leave(staff("dana-duty"), LUCY)

    assert {Kind.ACCOUNTABILITY, Kind.TASK, Kind.REFERRAL, Kind.PLAN, Kind.MEMBERSHIP} <= set(
        kinds(GARETH)
    )
    assert Kind.SUBSCRIPTION in kinds(GARETH)
    assert records.read(SET_UP, "Practitioner", "lucy-hart")["active"] is False
    role = records.read(SET_UP, "PractitionerRole", "lucy-hart")
    assert role["active"] is False
    assert role["period"]["end"] == records.instant(clock.now())
    assert db.session.get_one(Account, "lucy-hart").active is False
    assert not any(result.breaches for result in integrity.check(["leaver-holds"]))


def test_what_needs_a_name_is_not_given_by_the_rules_and_nothing_is_half_done(
    lucy_holds: Person,
) -> None:
    before = leaving.what_holds(LUCY)
    with pytest.raises(RuleError, match="name who takes it"), transaction():
        leaving.rehome(SET_UP, LUCY, [each.key for each in before])

    assert leaving.what_holds(LUCY) == before


def test_by_the_rules_tasks_are_routed_to_somebody_else(person: Make, clockwork: Clockwork) -> None:
    made = task(person())

    with transaction():
        leaving.rehome(SET_UP, LUCY, [f"task:{made.id}"])

    moved = records.read(SET_UP, "Task", made.id)
    assert task_content.owner(moved.resource) != LUCY


def test_a_time_box_lets_them_leave_and_escalates_at_its_date(
    person: Make, clockwork: Clockwork
) -> None:
    ada = person(birth_date="1940-05-04")
    made = task(ada)
    with transaction():
        accountability.name(SET_UP, ada.id, role="care-coordinator", practitioner=LUCY)
    until = clock.now() + timedelta(days=5)
    with transaction():
        boxes = [
            leaving.time_box(SET_UP, LUCY, each.key, until=until, owner=ASHA)
            for each in leaving.what_holds(LUCY)
        ]
        leaving.leave(SET_UP, LUCY)
    due = select(OUTBOX.c.due_at).where(OUTBOX.c.event == "TimeBoxEnds")
    assert list(db.session.scalars(due)) == [until, until]
    assert not any(result.breaches for result in integrity.check(["leaver-holds"]))
    answers = {each.role: each for each in accountability.answers(SET_UP, ada.id)}
    acting = answers[AccountableRole.COORDINATOR]
    assert acting.deputy is not None
    with transaction():
        assert not any(leaving.end_time_box(each.id) for each in boxes)

    clockwork.advance(days=5)
    with transaction():
        assert [leaving.end_time_box(each.id) for each in boxes] == [True, True]

    assert task_content.owner(records.read(SET_UP, "Task", made.id).resource) != LUCY
    answers = {each.role: each for each in accountability.answers(SET_UP, ada.id)}
    assert answers[AccountableRole.COORDINATOR].stands_in
    urgent = select(Notice).where(Notice.kind == "TimeBoxEnded", Notice.urgent)
    assert {each.recipient for each in db.session.scalars(urgent)} >= {ASHA}
    assert kinds() == []
    with transaction():
        assert not any(leaving.end_time_box(each.id) for each in boxes)


def test_a_time_box_has_a_near_date_and_an_owner_who_stays(person: Make) -> None:
    key = f"task:{task(person()).id}"
    soon = clock.now() + timedelta(days=1)
    for until, owner, said in (
        (clock.now(), ASHA, "within 90 days"),
        (soon + timedelta(days=91), ASHA, "within 90 days"),
        (soon, LUCY, "another member of staff"),
        (soon, "Practitioner/nobody", "another member of staff"),
    ):
        with pytest.raises(RuleError, match=said), transaction():
            leaving.time_box(SET_UP, LUCY, key, until=until, owner=owner)
    with pytest.raises(RuleError, match="does not hold"), transaction():
        leaving.time_box(SET_UP, LUCY, "task:none", until=soon, owner=ASHA)


def test_only_managers_see_and_settle_what_others_hold(person: Make, staff: Staff) -> None:
    task(person())
    with pytest.raises(NotPermittedError), transaction():
        leaving.leave(staff("asha-nurse"), LUCY)


def test_who_has_left_is_given_nothing_new(person: Make) -> None:
    ada = person()
    made = task(ada, owner=GARETH)
    with transaction():
        leaving.leave(SET_UP, LUCY)

    with pytest.raises(StateError, match="leaves the hub"), transaction():
        tasks.assign(SET_UP, made.id, to=LUCY, because="test")
    with pytest.raises(StateError, match="leaves the hub"), transaction():
        accountability.name(SET_UP, ada.id, role="care-coordinator", practitioner=LUCY)
    with pytest.raises(RuleError, match="is away"), transaction():
        accountability_offers.offer(SET_UP, [ada.id], role="care-coordinator", to=LUCY)


def test_a_last_day_ahead_ends_the_contract_when_it_comes(
    clockwork: Clockwork, definition: HubDefinition
) -> None:
    last_day = clock.now() + timedelta(days=10)
    with transaction():
        leaving.leave(SET_UP, LUCY, last_day)
    assert records.read(SET_UP, "Practitioner", "lucy-hart")["active"] is True
    with transaction():
        assert not leaving.take_leave(LUCY)
    clockwork.set(last_day)

    with transaction():
        assert leaving.take_leave(LUCY)

    assert records.read(SET_UP, "Practitioner", "lucy-hart")["active"] is False


def test_every_door_is_guarded_and_a_way_back_is_open(person: Make) -> None:
    made = task(person())
    nurse = records.read(SET_UP, "Practitioner", "lucy-hart").resource | {"active": False}
    role = records.read(SET_UP, "PractitionerRole", "lucy-hart").resource
    ended = role | {"period": {"end": "2026-01-01"}}
    team = records.read(SET_UP, "CareTeam", "district-nursing-west").resource
    team["participant"] = [
        each for each in team["participant"] if each["member"]["reference"] != LUCY
    ]
    for resource in (nurse, ended, team):
        with pytest.raises(StillHoldsError), transaction():
            records.update(SET_UP, resource, type=resource["resourceType"], id=resource["id"])
    with pytest.raises(StillHoldsError), transaction():
        records.delete(SET_UP, "Practitioner", "lucy-hart")

    with transaction():
        tasks.assign(SET_UP, made.id, to=GARETH, because="test")
        records.update(SET_UP, team, type="CareTeam", id="district-nursing-west")
        records.update(SET_UP, nurse, type="Practitioner", id="lucy-hart")
    assert db.session.get(Departure, LUCY) is not None
    with transaction():
        back = records.read(SET_UP, "Practitioner", "lucy-hart").resource | {"active": True}
        records.update(SET_UP, back, type="Practitioner", id="lucy-hart")
    assert db.session.get(Departure, LUCY) is None
    left = select(Absence).where(Absence.practitioner == LUCY, Absence.during.contains(clock.now()))
    assert db.session.scalar(left) is None


def changed(folder: Path, name: str, edit: Callable[[list[dict[str, object]]], None]) -> Path:
    for file in SOUTHEND.glob("*.yaml"):
        content = yaml.safe_load(file.read_text())
        if file.stem == name:
            edit(content[name])
        (folder / file.name).write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def test_a_definition_without_somebody_who_holds_work_is_refused(
    person: Make, tmp_path: Path
) -> None:
    made = task(person())

    def without_lucy(staff: list[dict[str, object]]) -> None:
        staff[:] = [each for each in staff if each["username"] != "lucy-hart"]

    folder = changed(tmp_path, "staff", without_lucy)
    with pytest.raises(StillHoldsError, match="1 open task"), transaction():
        definitions.load(SET_UP, folder)
    assert "lucy-hart" in definitions.current().staff

    with transaction():
        tasks.assign(SET_UP, made.id, to=GARETH, because="test")
        definitions.load(SET_UP, folder)
    assert "lucy-hart" not in definitions.current().staff


def test_a_definition_that_takes_somebody_out_of_a_team_with_its_work_is_refused(
    person: Make, tmp_path: Path
) -> None:
    task(person())

    def moved(staff: list[dict[str, object]]) -> None:
        for each in staff:
            if each["username"] == "lucy-hart":
                each["teams"] = ["district-nursing-east"]

    with pytest.raises(StillHoldsError), transaction():
        definitions.load(SET_UP, changed(tmp_path, "staff", moved))


@pytest.mark.parametrize("attempt", range(4))
def test_of_a_task_and_a_leaving_at_the_same_moment_one_loses_cleanly(
    app: Flask, person: Make, attempt: int
) -> None:
    made = task(person(), owner=GARETH)
    together = Barrier(2)

    def leave() -> str:
        with app.app_context():
            together.wait()
            try:
                with transaction():
                    leaving.leave(SET_UP, LUCY)
            except StillHoldsError:
                return "stays"
            return "left"

    def give() -> str:
        with app.app_context():
            together.wait()
            try:
                with transaction():
                    tasks.assign(SET_UP, made.id, to=LUCY, because="race")
            except StateError:
                return "kept"
            return "given"

    with ThreadPoolExecutor(2) as pool:
        ends = {pool.submit(each) for each in (leave, give)}
        outcome = {each.result() for each in ends}

    assert outcome in ({"left", "kept"}, {"stays", "given"})
    db.session.rollback()
    owner = task_content.owner(records.read(SET_UP, "Task", made.id).resource)
    assert (owner == LUCY) == ("given" in outcome)


def test_new_work_for_somebody_who_left_and_answers_until_a_date_is_their_deputys(
    person: Make, clockwork: Clockwork
) -> None:
    ada = person()
    with transaction():
        accountability.name(SET_UP, ada.id, role="care-coordinator", practitioner=LUCY)
        (held,) = leaving.what_holds(LUCY)
        until = clock.now() + timedelta(days=5)
        leaving.time_box(SET_UP, LUCY, held.key, until=until, owner=ASHA)
        leaving.leave(SET_UP, LUCY)
    clockwork.advance(hours=1)

    with transaction():
        done = people.record_death(SET_UP, ada.id, died_at=clock.now(), place=PlaceOfDeath.HOME)

    owner = task_content.owner(done.bereavement.resource)
    assert owner == deputies.deputy_of(LUCY, clock.now())
    assert owner != LUCY
