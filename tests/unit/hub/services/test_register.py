"""The end-of-life register: only with consent, one transaction, every critical change told."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.errors import RuleError, StateError
from hub.domain.register import (
    ConsentBasis,
    ConsentRecord,
    CPRDecision,
    CPRRecord,
    LeavingReason,
    Preference,
    PreferredPlace,
    RegisterEntry,
    Stage,
)
from hub.queries import standing
from hub.records import Record
from hub.records.tables import OUTBOX
from hub.services import accountability, register
from hub.services import register_content as content
from hub.transaction import transaction
from tests.unit.hub.services.conftest import SET_UP, Person

Staff = Callable[[str], Actor]
Make = Callable[..., Person]
DAY = date(2026, 1, 5)
ENTRY = RegisterEntry(
    stage=Stage.MONTHS,
    diagnosis="Heart failure",
    consent=ConsentRecord(ConsentBasis.GIVEN, DAY, "Ada Test"),
    cpr=CPRRecord(
        CPRDecision.DO_NOT_ATTEMPT,
        DAY,
        "Yellow folder, hall table",
        decided_by="Dr Priya Shah",
        review_on=date(2027, 1, 5),
        person_aware=True,
    ),
    death_first=Preference(PreferredPlace.HOME, DAY, "Eve"),
    death_second=Preference(PreferredPlace.HOSPICE, DAY, "Eve", name="Fair Havens"),
    anticipatory_medicines="Blue box in the kitchen",
    equipment="Hospital bed",
    contacts="Daughter 01632 960002",
    emergency_instructions="Call the hospice line first",
)


def enter(person: Person, entry: RegisterEntry = ENTRY) -> Record:
    with transaction():
        return register.enter(SET_UP, person.id, entry)


def events() -> list[tuple[str, dict[str, Any]]]:
    rows = db.session.execute(
        select(OUTBOX.c.event, OUTBOX.c.payload)
        .where(OUTBOX.c.event.like("Register%"))
        .order_by(OUTBOX.c.id)
    ).all()
    db.session.rollback()
    return [(row.event, row.payload) for row in rows]


def counts(person: Person) -> dict[str, int]:
    return {
        name: len(standing.managed(SET_UP, name, person.id))
        for name in ("EpisodeOfCare", "Flag", "Consent", "QuestionnaireResponse")
    }


def test_an_entry_is_its_four_records_at_once_and_is_told(person: Make) -> None:
    ada = person()

    episode = enter(ada)

    assert counts(ada) == {
        "EpisodeOfCare": 1,
        "Flag": 2,
        "Consent": 1,
        "QuestionnaireResponse": 1,
    }
    assert episode["status"] == "active"
    (told,) = events()
    assert told[0] == "RegisterEntered"
    assert told[1]["patient"] == ada.reference
    flags = standing.managed(SET_UP, "Flag", ada.id)
    assert [flag["code"]["coding"][1]["code"] for flag in flags] == ["526631000000108", "450476008"]
    assert flags[1]["period"] == {"start": "2026-01-05", "end": "2027-01-05"}


def test_the_entry_reads_back_as_it_was_written(person: Make) -> None:
    ada = person()
    enter(ada)

    found = register.current(SET_UP, ada.id)

    assert found == replace(ENTRY, entered_on=clock.now().date())


def test_nobody_is_entered_without_consent_and_nothing_stays_behind(person: Make) -> None:
    ada = person()

    with pytest.raises(RuleError, match="consent"):
        enter(ada, replace(ENTRY, consent=None))

    assert set(counts(ada).values()) == {0}
    assert events() == []


def test_a_best_interests_decision_names_who_made_it(person: Make) -> None:
    ada = person()
    decided = ConsentRecord(ConsentBasis.BEST_INTERESTS, DAY, "")

    with pytest.raises(RuleError, match="decision-maker"):
        enter(ada, replace(ENTRY, consent=decided))
    enter(ada, replace(ENTRY, consent=replace(decided, decided_by="Dr Priya Shah")))

    (consent,) = standing.managed(SET_UP, "Consent", ada.id)
    assert consent["policyRule"]["text"] == "Best-interests decision by Dr Priya Shah"


def test_nobody_is_entered_twice_or_after_death(person: Make) -> None:
    ada = person()
    enter(ada)

    with pytest.raises(StateError, match="already"):
        enter(ada)
    with pytest.raises(StateError, match="died"):
        enter(person("9990000026", deceasedDateTime="2026-01-02T03:04:05Z"))


def test_entering_somebody_without_named_people_raises_the_vacancies(person: Make) -> None:
    ada = person()
    enter(ada)

    assert len(standing.managed(SET_UP, "Task", ada.id, code="vacancy")) == 2


def change(person: Person, **items: Any) -> Record:
    entry = register.current(SET_UP, person.id)
    assert entry is not None
    with transaction():
        return register.change(SET_UP, person.id, replace(entry, **items))


def test_a_critical_change_is_a_version_of_the_episode_and_is_told(person: Make) -> None:
    ada = person()
    enter(ada)

    changed = change(ada, stage=Stage.WEEKS)

    assert changed.version == 2
    assert events()[-1][0] == "RegisterChanged"
    assert events()[-1][1]["items"] == ["stage"]
    entry = register.current(SET_UP, ada.id)
    assert entry is not None
    assert entry.stage is Stage.WEEKS


def test_a_change_of_another_item_is_kept_and_disturbs_nobody(person: Make) -> None:
    ada = person()
    enter(ada)

    same = change(ada, cultural_needs="Vegetarian")

    assert same.version == 1
    assert len(events()) == 1
    entry = register.current(SET_UP, ada.id)
    assert entry is not None
    assert entry.cultural_needs == "Vegetarian"
    assert change(ada).version == 1


def test_of_two_who_change_an_entry_the_second_overwrites_nothing(person: Make) -> None:
    ada = person()
    enter(ada)
    opened = register.current(SET_UP, ada.id)
    made_from = register.seen(SET_UP, ada.id)
    assert opened is not None
    change(ada, cpr=None)

    with pytest.raises(StateError, match="somebody else"), transaction():
        register.change(
            SET_UP, ada.id, replace(opened, cultural_needs="Vegetarian"), made_from=made_from
        )

    kept = register.current(SET_UP, ada.id)
    assert kept is not None
    assert (kept.cpr, kept.cultural_needs) == (None, "")
    with transaction():
        register.change(
            SET_UP,
            ada.id,
            replace(kept, cultural_needs="Vegetarian"),
            made_from=register.seen(SET_UP, ada.id),
        )


def test_a_changed_cpr_decision_replaces_its_flag(person: Make) -> None:
    ada = person()
    enter(ada)

    change(ada, cpr=CPRRecord(CPRDecision.ATTEMPT, DAY, "Yellow folder"))

    flags = standing.managed(SET_UP, "Flag", ada.id, status=("active",), code=content.CPR_FLAG)
    assert [flag["code"]["coding"][1]["code"] for flag in flags] == ["450475007"]


def test_a_change_does_not_change_the_consent(person: Make) -> None:
    ada = person()
    enter(ada)

    change(ada, consent=None, key_worker="Eve")

    entry = register.current(SET_UP, ada.id)
    assert entry is not None
    assert entry.consent == ENTRY.consent


def leave(person: Person, reason: LeavingReason) -> Record:
    with transaction():
        return register.leave(SET_UP, person.id, reason=reason)


def test_leaving_ends_the_entry_keeps_the_cpr_decision_and_is_told(person: Make) -> None:
    ada = person()
    enter(ada)

    left = leave(ada, LeavingReason.IMPROVED)

    assert left["status"] == "finished"
    active = standing.managed(SET_UP, "Flag", ada.id, status=("active",))
    assert [flag["code"]["coding"][0]["code"] for flag in active] == [content.CPR_FLAG]
    assert events()[-1][0] == "RegisterLeft"
    assert register.current(SET_UP, ada.id) is None
    with pytest.raises(StateError, match="not on the register"):
        leave(ada, LeavingReason.IMPROVED)


def test_who_left_can_be_entered_anew(person: Make) -> None:
    ada = person()
    enter(ada)
    leave(ada, LeavingReason.IMPROVED)

    enter(ada, replace(ENTRY, stage=Stage.DAYS))

    entry = register.current(SET_UP, ada.id)
    assert entry is not None
    assert entry.stage is Stage.DAYS


def test_withdrawn_consent_ends_sharing_and_asks_the_accountable_gp(
    person: Make, staff: Staff
) -> None:
    ada = person()
    with transaction():
        accountability.name(
            SET_UP, ada.id, role="accountable-gp", practitioner="Practitioner/priya-gp"
        )
    enter(ada)

    with transaction():
        register.withdraw_consent(staff("priya-gp"), ada.id, by="Ada Test")

    (consent,) = standing.managed(SET_UP, "Consent", ada.id)
    assert consent["status"] == "inactive"
    assert events()[-1][1]["items"] == ["consent-withdrawn"]
    (task,) = standing.managed(SET_UP, "Task", ada.id, code="register-cpr-review")
    assert task["priority"] == "urgent"
    assert task["owner"] == {"reference": "Practitioner/priya-gp"}


def test_without_a_cpr_decision_there_is_nothing_to_agree(person: Make) -> None:
    ada = person()
    enter(ada, replace(ENTRY, cpr=None))

    with transaction():
        register.withdraw_consent(SET_UP, ada.id, by="Ada Test")

    assert standing.managed(SET_UP, "Task", ada.id, code="register-cpr-review") == []
    with pytest.raises(RuleError, match="who withdrew"), transaction():
        register.withdraw_consent(SET_UP, ada.id, by=" ")


def test_no_door_enters_somebody_without_consent(person: Make) -> None:
    ada = person()

    with pytest.raises(RuleError, match="consent"), transaction():
        records.create(SET_UP, content.episode(ada.id, ENTRY, None), managed=True)
    with pytest.raises(RuleError, match="consent"), transaction():
        records.create(SET_UP, content.register_flag(ada.id, ENTRY, None), managed=True)


def test_no_door_takes_the_consent_from_under_an_entry(person: Make, system_actor: Actor) -> None:
    ada = person()
    episode = enter(ada)
    (consent,) = standing.managed(SET_UP, "Consent", ada.id)

    with pytest.raises(StateError, match="withdraw"), transaction():
        records.update(
            system_actor, {**consent.resource, "status": "inactive"}, type="Consent", id=consent.id
        )
    with pytest.raises(StateError, match="withdraw"), transaction():
        records.delete(system_actor, "Consent", consent.id)
    with pytest.raises(StateError, match="never deleted"), transaction():
        records.delete(system_actor, "EpisodeOfCare", episode.id)
    with pytest.raises(StateError, match="already"), transaction():
        records.create(SET_UP, content.episode(ada.id, ENTRY, None), managed=True)


def test_the_emergency_summary_is_for_those_on_the_register(person: Make) -> None:
    ada = person()
    assert register.emergency_summary(SET_UP, ada.id) is None
    enter(ada)
    with transaction():
        accountability.name(
            SET_UP, ada.id, role="accountable-gp", practitioner="Practitioner/priya-gp"
        )

    summary = register.emergency_summary(SET_UP, ada.id)

    assert summary is not None
    assert summary.entry.cpr is not None
    assert summary.entry.cpr.form_location == "Yellow folder, hall table"
    assert summary.accountable == (("accountable-gp", "Practitioner/priya-gp"),)
    assert len(summary.flags) == 2


def test_the_stage_sets_the_next_review(person: Make) -> None:
    person()

    assert register.next_review(ENTRY, DAY) == DAY + timedelta(days=30)
    assert register.next_review(replace(ENTRY, review_on=DAY), DAY) == DAY


def test_a_decision_is_not_dated_ahead(person: Make) -> None:
    tomorrow = clock.now().date() + timedelta(days=2)
    consent = ConsentRecord(ConsentBasis.GIVEN, tomorrow, "Ada Test")

    with pytest.raises(RuleError, match="future"):
        enter(person(), replace(ENTRY, consent=consent))


def at_once(app: Flask, *actions: Callable[[], object]) -> list[Exception]:
    """Run the actions in threads that start together; return what they raised."""
    barrier = threading.Barrier(len(actions))
    failed: list[Exception] = []

    def run(action: Callable[[], object]) -> None:
        with app.app_context():
            barrier.wait()
            try:
                action()
            except Exception as error:  # noqa: BLE001 - a thread hands every failure to the test
                failed.append(error)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


def test_two_who_enter_the_same_person_at_once_make_one_entry(app: Flask, person: Make) -> None:
    ada = person()

    failed = at_once(app, *[lambda: enter(ada)] * 3)

    assert [type(error) for error in failed] == [StateError, StateError]
    assert counts(ada)["EpisodeOfCare"] == 1
    assert [event for event, _ in events()] == ["RegisterEntered"]


def test_two_who_take_the_same_person_off_at_once_tell_it_once(app: Flask, person: Make) -> None:
    ada = person()
    enter(ada)

    failed = at_once(app, *[lambda: leave(ada, LeavingReason.IMPROVED)] * 3)

    assert [type(error) for error in failed] == [StateError, StateError]
    assert [event for event, _ in events()] == ["RegisterEntered", "RegisterLeft"]
