"""The shared plan: several people write it at once, nothing is lost, and it needs its people."""

import threading
from collections.abc import Callable
from datetime import date

import pytest
from flask import Flask

from fhir.outcomes import VersionConflictError
from hub import clock, records
from hub.domain.actor import Actor
from hub.domain.errors import RuleError, StateError
from hub.domain.plan import ESCALATION, REVIEW
from hub.queries import standing
from hub.records import Record
from hub.services import accountability, care_plans, plan_content
from hub.services.care_plans import EditConflictError
from hub.transaction import transaction
from tests.unit.hub.services.conftest import SET_UP, Person

Staff = Callable[[str], Actor]
Make = Callable[..., Person]


def opened(person: Person) -> Record:
    with transaction():
        return care_plans.open_plan(SET_UP, person.id, title="Living well")


def revised(plan: Record, section: str, text: str, *, actor: Actor = SET_UP) -> Record:
    with transaction():
        return care_plans.revise(
            actor, plan.id, version=plan.version, section=section, text=text, reason="visit"
        )


def named(person: Person, **roles: str) -> None:
    for role, username in roles.items():
        with transaction():
            accountability.name(
                SET_UP,
                person.id,
                role=role.replace("_", "-"),
                practitioner=f"Practitioner/{username}",
            )


def ready(person: Person) -> Record:
    """Return a draft that lacks nothing but its named people."""
    plan = revised(opened(person), ESCALATION, "Call 01632 960001 when breathing is worse")
    return revised(plan, REVIEW, f"{clock.now().year + 1}-01-31")


def text_of(record: Record, code: str) -> str:
    return next(each.text for each in care_plans.sections_of(record) if each.code == code)


def test_a_plan_opens_as_a_managed_draft_with_every_section_of_the_hub(person: Make) -> None:
    plan = opened(person())

    assert plan["status"] == "draft"
    assert plan.managed
    codes = [section.code for section in care_plans.sections_of(plan)]
    assert codes[0] == "about-me"
    assert {ESCALATION, REVIEW} <= set(codes)
    with pytest.raises(RuleError, match="title"), transaction():
        care_plans.open_plan(SET_UP, plan["subject"]["reference"][8:], title=" ")


def test_a_section_keeps_who_changed_it_when_and_why(person: Make, staff: Staff) -> None:
    ada = person()
    named(ada, care_coordinator="jo-coordinator")

    plan = revised(opened(ada), "about-me", "My garden", actor=staff("jo-coordinator"))

    section = care_plans.sections_of(plan)[0]
    assert (section.text, section.author) == ("My garden", "Practitioner/jo-coordinator")
    assert section.reason == "visit"
    assert section.changed is not None


def test_different_sections_from_one_version_both_stay(person: Make) -> None:
    start = opened(person())

    revised(start, "about-me", "My garden")
    second = revised(start, "equipment", "A walking frame")

    assert second.version == 3
    assert text_of(second, "about-me") == "My garden"
    assert text_of(second, "equipment") == "A walking frame"


def test_the_same_section_shows_both_texts_and_saves_nothing(person: Make) -> None:
    start = revised(opened(person()), "about-me", "My garden")
    revised(start, "about-me", "My garden and my cat")

    with pytest.raises(EditConflictError) as conflict:
        revised(start, "about-me", "My greenhouse")

    assert conflict.value.base == "My garden"
    assert conflict.value.theirs == "My garden and my cat"
    assert conflict.value.ours == "My greenhouse"
    assert conflict.value.version == 3
    saved = records.read(SET_UP, "CarePlan", start.id)
    assert saved.version == 3
    assert text_of(saved, "about-me") == "My garden and my cat"


def test_a_conflict_in_one_section_saves_none_of_them(person: Make) -> None:
    start = revised(opened(person()), "about-me", "My garden")
    revised(start, "about-me", "My cat")

    with pytest.raises(EditConflictError), transaction():
        care_plans.revise_sections(
            SET_UP,
            start.id,
            version=start.version,
            sections={"equipment": "A frame", "about-me": "My greenhouse"},
        )

    assert text_of(records.read(SET_UP, "CarePlan", start.id), "equipment") == ""


def test_an_edit_that_changes_nothing_makes_no_version(person: Make) -> None:
    plan = revised(opened(person()), "about-me", "My garden")

    assert revised(plan, "about-me", "My garden ").version == plan.version


def test_two_people_at_once(app: Flask, person: Make) -> None:
    start = opened(person())
    edits = {"about-me": "My garden", "equipment": "A frame", "medicines": "None", "needs": "Walk"}
    barrier = threading.Barrier(len(edits))
    failed: list[Exception] = []

    def edit(section: str, text: str) -> None:
        with app.app_context():
            barrier.wait()
            try:
                revised(start, section, text)
            except Exception as error:  # noqa: BLE001 - a thread hands every failure to the test
                failed.append(error)

    threads = [threading.Thread(target=edit, args=item) for item in edits.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    saved = records.read(SET_UP, "CarePlan", start.id)
    assert saved.version == 1 + len(edits)
    assert {code: text_of(saved, code) for code in edits} == edits


def test_the_same_section_at_once_one_wins_and_the_others_meet_it(app: Flask, person: Make) -> None:
    start = opened(person())
    texts = [f"text {number}" for number in range(4)]
    barrier = threading.Barrier(len(texts))
    conflicts: list[EditConflictError] = []

    def edit(text: str) -> None:
        with app.app_context():
            barrier.wait()
            try:
                revised(start, "about-me", text)
            except EditConflictError as error:
                conflicts.append(error)

    threads = [threading.Thread(target=edit, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    saved = records.read(SET_UP, "CarePlan", start.id)
    winner = text_of(saved, "about-me")
    assert saved.version == 2
    assert {conflict.theirs for conflict in conflicts} == {winner}
    assert {conflict.ours for conflict in conflicts} == set(texts) - {winner}


def test_a_section_or_a_version_that_is_not_there_is_refused(person: Make) -> None:
    plan = opened(person())

    with pytest.raises(RuleError, match="about-me"):
        revised(plan, "horoscope", "Leo")
    with pytest.raises(RuleError, match="date"):
        revised(plan, REVIEW, "soon")
    with pytest.raises(VersionConflictError), transaction():
        care_plans.revise(SET_UP, plan.id, version=7, section="about-me", text="x")


def test_a_plan_needs_its_people_to_become_active(person: Make) -> None:
    ada = person()
    plan = ready(ada)

    def activate() -> Record:
        with transaction():
            return care_plans.activate(SET_UP, plan.id, version=plan.version)

    with pytest.raises(RuleError, match="accountable professional"):
        activate()
    named(ada, accountable_gp="priya-gp")
    with pytest.raises(RuleError, match="coordinator"):
        activate()
    named(ada, care_coordinator="jo-coordinator")

    assert activate()["status"] == "active"


@pytest.mark.parametrize("missing", [ESCALATION, REVIEW])
def test_a_plan_needs_its_triggers_and_its_review_date(person: Make, missing: str) -> None:
    ada = person()
    named(ada, accountable_gp="priya-gp", care_coordinator="jo-coordinator")
    plan = revised(ready(ada), missing, "")

    with pytest.raises(RuleError, match="cannot become active"), transaction():
        care_plans.activate(SET_UP, plan.id, version=plan.version)
    assert missing in [each.section for each in care_plans.findings(SET_UP, plan.id)]


def active(person: Person) -> Record:
    named(person, accountable_gp="priya-gp", care_coordinator="jo-coordinator")
    plan = ready(person)
    with transaction():
        return care_plans.activate(SET_UP, plan.id, version=plan.version)


def test_an_active_plan_keeps_its_triggers(person: Make) -> None:
    plan = active(person())

    with pytest.raises(RuleError, match="get worse"):
        revised(plan, ESCALATION, "")


def test_no_door_activates_a_plan_without_its_people(person: Make, system_actor: Actor) -> None:
    plan = ready(person())

    with pytest.raises(RuleError, match="accountable professional"), transaction():
        records.update(
            system_actor,
            {**plan.resource, "status": "active"},
            type="CarePlan",
            id=plan.id,
            if_match=plan.version,
        )


def test_no_door_drops_a_section_a_plan_or_its_person(person: Make, system_actor: Actor) -> None:
    plan = revised(opened(person()), "about-me", "My garden")
    other = person("9990000026")

    bare = {name: value for name, value in plan.resource.items() if name != "extension"}
    with pytest.raises(RuleError, match="never dropped"), transaction():
        records.update(system_actor, bare, type="CarePlan", id=plan.id)
    moved = {**plan.resource, "subject": {"reference": other.reference}}
    with pytest.raises(RuleError, match="stays with its person"), transaction():
        records.update(system_actor, moved, type="CarePlan", id=plan.id)
    with pytest.raises(StateError), transaction():
        records.delete(system_actor, "CarePlan", plan.id)


def test_a_plan_does_not_start_active(person: Make) -> None:
    ada = person()
    draft = plan_content.new_plan(
        ada.id, title="x", author=None, care_team="CareTeam/spor", at=clock.now()
    )

    with pytest.raises(StateError, match="draft"), transaction():
        records.create(SET_UP, {**draft, "status": "active"}, managed=True)


def test_a_closed_plan_is_read_only(person: Make) -> None:
    plan = active(person())
    with transaction():
        closed = care_plans.close(SET_UP, plan.id, version=plan.version, reason="Goals met")

    assert closed["status"] == "completed"
    with pytest.raises(StateError, match="does not change"):
        revised(closed, "about-me", "x")
    with pytest.raises(StateError), transaction():
        care_plans.activate(SET_UP, plan.id, version=closed.version)
    with pytest.raises(RuleError, match="reason"), transaction():
        care_plans.close(SET_UP, plan.id, version=closed.version, reason=" ")


def test_goals_and_actions_are_records_of_their_own(person: Make, staff: Staff) -> None:
    ada = person()
    plan = active(ada)
    jo = staff("jo-coordinator")

    with transaction():
        goal = care_plans.add_goal(
            jo, plan.id, description="Walk to the shop", target_on=date(2027, 3, 1)
        )
        action = care_plans.add_action(
            jo, plan.id, description="Strength and balance", service="falls"
        )
        own = care_plans.add_action(
            jo, plan.id, description="Call weekly", owner="Practitioner/jo-coordinator"
        )

    saved = records.read(SET_UP, "CarePlan", plan.id).resource
    assert plan_content.goals(saved) == (goal.reference,)
    assert plan_content.actions(saved) == (action.reference, own.reference)
    assert action["owner"] == {"reference": "CareTeam/falls"}
    assert own["owner"] == {"reference": "Practitioner/jo-coordinator"}
    assert action["for"] == {"reference": ada.reference}
    with pytest.raises(RuleError, match="somebody"), transaction():
        care_plans.add_action(jo, plan.id, description="Somebody should")
    with pytest.raises(RuleError, match="no service"), transaction():
        care_plans.add_action(jo, plan.id, description="x", service="horoscopes")


def test_adding_a_goal_does_not_touch_what_somebody_else_writes(person: Make) -> None:
    start = opened(person())
    with transaction():
        care_plans.add_goal(SET_UP, start.id, description="Walk")

    plan = revised(start, "about-me", "My garden")

    assert len(plan_content.goals(plan.resource)) == 1


def test_what_changed_since_i_looked(person: Make) -> None:
    start = revised(opened(person()), "about-me", "My garden")
    revised(revised(start, "about-me", "My cat"), "equipment", "A frame")

    found = care_plans.changes(SET_UP, start.id, since=start.version)

    assert [(each.section, each.before, each.after) for each in found] == [
        ("about-me", "My garden", "My cat"),
        ("equipment", "", "A frame"),
    ]


def test_a_named_professional_signs_the_version_they_saw(person: Make, staff: Staff) -> None:
    plan = active(person())

    with transaction():
        signed = care_plans.sign_off(staff("jo-coordinator"), plan.id, version=plan.version)

    assert signed["target"][0]["reference"].endswith(f"/_history/{plan.version}")
    with pytest.raises(VersionConflictError), transaction():
        care_plans.sign_off(staff("jo-coordinator"), plan.id, version=1)
    with pytest.raises(RuleError, match="named professional"), transaction():
        care_plans.sign_off(SET_UP, plan.id, version=plan.version)


def test_the_review_date_is_data_beside_the_words(person: Make) -> None:
    plan = revised(opened(person()), REVIEW, "31 January 2027, Jo makes sure")

    assert plan_content.review_date(plan.resource) == "2027-01-31"


def test_who_leaves_while_a_plan_is_activated_leaves_a_vacancy(app: Flask, person: Make) -> None:
    ada = person(birth_date="1980-05-04")
    named(ada, accountable_gp="priya-gp", care_coordinator="jo-coordinator")
    plan = ready(ada)
    activated = threading.Event()

    def leave() -> None:
        with app.app_context():
            activated.wait()
            with transaction():
                accountability.end(SET_UP, ada.id, role="care-coordinator")

    leaving = threading.Thread(target=leave)
    leaving.start()
    with transaction():
        care_plans.activate(SET_UP, plan.id, version=plan.version)
        activated.set()
        # Long enough for somebody who does not wait to have left before the plan is in use.
        leaving.join(timeout=0.5)
    leaving.join()

    (task,) = standing.managed(SET_UP, "Task", ada.id, code="vacancy")
    assert task["description"].startswith("Care coordinator to be named")
