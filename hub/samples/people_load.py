"""The sample people put into the hub: records in bulk, everything with a rule through services."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from hub import clock, records
from hub.domain.actor import Actor
from hub.domain.calendars import zone
from hub.domain.definition import HubDefinition
from hub.samples import people_plans, people_records
from hub.samples.people import COUNT, SamplePerson, draw
from hub.samples.register_entries import enter
from hub.services import accountability, care_plans, definitions, tasks
from hub.transaction import transaction

BATCH = 50
"""People a transaction: small enough to show progress and to start again where it stopped."""


def load_people(
    actor: Actor, *, count: int = COUNT, say: Callable[[str], None] = lambda _line: None
) -> int:
    """Load the sample people who are not here yet; return how many were new."""
    definition = definitions.current()
    today = clock.now().astimezone(zone(definition.time_zone)).date()
    people = draw(definition, today, count=count)
    here = records.read_many(actor, [f"Patient/{person.id}" for person in people])
    missing = [person for person in people if f"Patient/{person.id}" not in here]
    for first in range(0, len(missing), BATCH):
        batch = missing[first : first + BATCH]
        with transaction():
            _load(actor, batch, definition, today)
        say(f"loading people: {first + len(batch)} of {len(missing)}")
    return len(missing)


def _load(
    actor: Actor, people: Iterable[SamplePerson], definition: HubDefinition, today: date
) -> None:
    people = list(people)
    written: list[Any] = []
    for person in people:
        written += _versions(actor, person, definition, today)
    records.insert_many(actor, written)
    for person in people:
        plan = care_plans.activate(actor, people_plans.plan_id(person), version=1)
        if person.next_review <= today:
            said = people_plans.texts(person, definition, review=person.next_review)
            care_plans.revise(
                actor,
                plan.id,
                version=plan.version,
                section="review-date",
                text=said["review-date"],
            )
            _open_review(actor, person, definition)
        if person.task_in_days is not None:
            _open_task(actor, person, definition, today)
        if person.on_register:
            enter(actor, person)
        if person.vacancy:
            accountability.end(actor, person.id, role=person.vacancy)


def _versions(
    actor: Actor, person: SamplePerson, definition: HubDefinition, today: date
) -> list[Any]:
    made = [
        records.new_version(actor, each, id=each["id"])
        for each in people_records.records_of(person, definition)
    ]
    team_id, team = people_plans.team_of(person)
    made.append(records.new_version(actor, team, id=team_id, managed=True))
    made += [
        records.new_version(actor, each, id=each["id"], managed=True)
        for each in people_plans.goals_of(person, definition)
    ]
    episode = people_plans.social_care_of(person)
    if episode:
        made.append(records.new_version(actor, episode, id=episode["id"], managed=True))
    # A plan cannot become active on a review that has passed: such a one is revised afterwards.
    review = max(person.next_review, today + timedelta(days=1))
    plan = people_plans.plan_of(person, definition, review=review)
    made.append(records.new_version(actor, plan, id=people_plans.plan_id(person), managed=True))
    return made


def _open_review(actor: Actor, person: SamplePerson, definition: HubDefinition) -> None:
    service = definition.services["care-coordination"]
    due = _said(person.next_review)
    tasks.open_task(
        actor,
        code="plan-review",
        patient=f"Patient/{person.id}",
        description=f"Review the shared plan: it was due on {due}",
        owner=f"Practitioner/{person.coordinator}",
        due_at=_evening(person.next_review, definition),
        focus=f"CarePlan/{people_plans.plan_id(person)}",
        performing_organization=f"Organization/{service.performing}",
        accountable_organization=f"Organization/{service.accountable}",
        service=service.code,
        id=f"{person.id}-review",
    )


def _open_task(actor: Actor, person: SamplePerson, definition: HubDefinition, today: date) -> None:
    service = definition.services[person.service]
    staff = [
        each
        for each in definition.members(service.team)
        if not service.roles or each.role in service.roles
    ]
    owner = next(
        # They look after the same people, so that the two can meet in one plan.
        (each for each in staff if (person.gp, each.username) == ("priya-gp", "asha-nurse")),
        staff[int(person.nhs_number[3:9]) % len(staff)],
    )
    assert person.task_in_days is not None
    need = person.story["sections"]["needs"].split(". ")[0].rstrip(".")
    tasks.open_task(
        actor,
        code="intervention",
        patient=f"Patient/{person.id}",
        description=f"{service.name}: {need}",
        owner=f"Practitioner/{owner.username}",
        due_at=_evening(today + timedelta(days=person.task_in_days), definition),
        focus=f"CarePlan/{people_plans.plan_id(person)}",
        performing_organization=f"Organization/{service.performing}",
        accountable_organization=f"Organization/{service.accountable}",
        roles=service.roles,
        service=service.code,
        id=f"{person.id}-task",
    )


def _said(day: date) -> str:
    """``2 November``: people read it, and the year is near."""
    return f"{day.day} {day:%B}"


def _evening(day: date, definition: HubDefinition) -> datetime:
    return datetime.combine(day, time(18), zone(definition.time_zone))
