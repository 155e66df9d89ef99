"""Roles that somebody must hold for a person and nobody does: found, and somebody's task at once.

Source: the care model, section 6: "a vacancy (leaver, long absence) raises an urgent task the same
minute and is on the manager's page until filled". Until then a stand-in answers: the duty manager
of the service. The role stays vacant, but "who answers for this person now" has one answer.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, select

from fhir.outcomes import NotFoundError
from hub import clock, records
from hub.db import db
from hub.domain import accountability as rules
from hub.domain import deputies
from hub.domain.accountability import AccountableRole, Holding, Vacancy
from hub.domain.actor import Actor, hub_actor
from hub.domain.task_states import OPEN
from hub.models.departure import Departure
from hub.queries import deputising, standing
from hub.records import Record
from hub.records.relationships import CARE_TEAM
from hub.records.tables import RELATIONSHIPS
from hub.services import accountability_need as needs
from hub.services import accountability_rows as spells
from hub.services import accountability_team as team
from hub.services import definitions, tasks
from hub.services.accountability_need import LONG_ABSENCE, Patients, long_absent

__all__ = [
    "LONG_ABSENCE",
    "PersonVacancy",
    "all_for",
    "close_filled",
    "long_absent",
    "of_person",
    "open_tasks",
    "open_tasks_after",
    "open_tasks_after_long_absences",
    "relieve",
    "settle",
    "stand_in_for",
]

_HUB = hub_actor("accountability")

VACANCY_CLOCK = "vacancy-filled"

NEVER = datetime.min.replace(tzinfo=UTC)
"""Sorts a role that was never held before those that were."""

_NAMESPACE = UUID("2f3a3a42-4a5c-5a8e-8a51-6f4f0a6a7b01")

_SERVICES = {AccountableRole.SOCIAL_WORKER: "social-care"}
"""Whose duty manager stands in for a role; the others: care coordination."""


@dataclass(frozen=True, slots=True)
class PersonVacancy:
    """A role that somebody must hold for a person and nobody does."""

    patient: Record
    vacancy: Vacancy


def of_person(patient: Record) -> tuple[Vacancy, ...]:
    """Return the roles that must be held for a person and are not."""
    now = clock.now()
    away = long_absent(now)
    return next((each.vacancies(now, away) for each in needs.required(_only(patient.id))), ())


def settle(actor: Actor, patient_id: str) -> list[Record]:
    """Bring a person in order; return the tasks opened.

    A stand-in for each role that is needed and not held, none for any other, and an urgent task
    for each vacancy. Two who settle the same person wait for one another.
    """
    now = clock.now()
    patient = records.lock(_HUB, "Patient", patient_id)
    found = _locked_team(patient_id)
    wanted = next(iter(needs.required(_only(patient_id))), None)
    required = wanted.required if wanted else frozenset()
    resource = found.resource if found else team.new_team(patient_id)
    before = held = team.spells(resource)
    for role in AccountableRole:
        if role in required:
            held = rules.stand_in(
                held,
                role,
                _stand_in_now(held, role) or stand_in_for(role, now),
                since=wanted.since if wanted else None,
                now=now,
            )
        else:
            held = rules.stand_down(held, role, now)
    if held != before:
        team.write(resource, held)
        if found is None:
            records.create(_HUB, resource, id=team.team_id(patient_id), managed=True)
        else:
            records.update(_HUB, resource, type="CareTeam", id=found.id, if_match=found.version)
    close_needless(patient_id, required)
    return _open_missing(actor, patient)


def open_tasks(actor: Actor, patient: Record) -> list[Record]:
    """Open an urgent task for each vacancy of a person that has none yet."""
    return settle(actor, patient.id)


def stand_in_for(role: AccountableRole, at: datetime) -> str:
    """Return ``Practitioner/<id>`` of who answers while nobody is named for a role."""
    away = {each.removeprefix("Practitioner/") for each in deputising.away(at)}
    found = deputies.stand_in(
        definitions.current(), _SERVICES.get(role, "care-coordination"), away=away
    )
    if found is None:
        # Everybody is away: the duty manager by name, rather than nobody.
        found = deputies.stand_in(definitions.current(), "care-coordination", away=frozenset())
    return f"Practitioner/{found}"


def answered_until(
    patient_id: str, held: tuple[Holding, ...], role: AccountableRole, start: datetime
) -> tuple[Holding, ...]:
    """Close the gap before somebody is named: from when the need began a stand-in answered.

    The sweep writes that down within seconds; who is named before it leaves no hole behind.
    """
    wanted = next(iter(needs.required(_only(patient_id))), None)
    if wanted is None or wanted.since is None or role not in wanted.required:
        return held
    bridged = rules.stand_in(
        held, role, stand_in_for(role, start), since=wanted.since, now=clock.now()
    )
    last = rules.last_of(bridged, role)
    return bridged if last is not None and last.start < start else held


def relieve(patient_id: str, role: AccountableRole, leaver: str, to: str | None) -> None:
    """Let another one stand in: ``to``, or by rule somebody who is not the leaver."""
    records.lock(_HUB, "Patient", patient_id)
    found = _locked_team(patient_id)
    if found is None:
        return
    now, resource = clock.now(), found.resource
    away = {each.removeprefix("Practitioner/") for each in deputising.away(now) | {leaver}}
    service = _SERVICES.get(role, "care-coordination")
    chosen = deputies.stand_in(definitions.current(), service, away=away)
    successor = to or (f"Practitioner/{chosen}" if chosen else stand_in_for(role, now))
    held = rules.stand_in(team.spells(resource), role, successor, since=None, now=now)
    team.write(resource, held)
    records.update(_HUB, resource, type="CareTeam", id=found.id, if_match=found.version)


def _stand_in_now(held: tuple[Holding, ...], role: AccountableRole) -> str | None:
    """Return who stands in already, unless they have left: a day off hands nothing on."""
    last = rules.last_of(held, role)
    if last is None or not last.stands_in or last.end is not None:
        return None
    left = db.session.scalar(
        select(Departure.practitioner).where(Departure.practitioner == last.practitioner)
    )
    return None if left else last.practitioner


def _only(patient_id: str) -> ColumnElement[bool]:
    return Patients.c.id == patient_id


def _locked_team(patient_id: str) -> Record | None:
    try:
        return records.lock(_HUB, "CareTeam", team.team_id(patient_id))
    except NotFoundError:
        return None


def _open_missing(actor: Actor, patient: Record) -> list[Record]:
    open_already = _open_vacancy_tasks(patient.id)
    opened = []
    for vacancy in of_person(patient):
        if vacancy.role in open_already:
            continue
        opened.append(_open_vacancy_task(actor, patient, vacancy))
    return opened


def open_tasks_after(actor: Actor, practitioner: str) -> int:
    """Open the tasks that follow when somebody is away for long; return how many."""
    if practitioner not in long_absent(clock.now()):
        return 0
    related = select(RELATIONSHIPS.c.patient_id).where(
        RELATIONSHIPS.c.party == practitioner, RELATIONSHIPS.c.basis == CARE_TEAM
    )
    ids = sorted(set(db.session.scalars(related)))
    people = records.read_many(_HUB, [f"Patient/{patient_id}" for patient_id in ids])
    return sum(len(open_tasks(actor, people[reference])) for reference in sorted(people))


def open_tasks_after_long_absences(actor: Actor) -> int:
    """Open what is due for everybody whose absence has become a long one; return how many."""
    return sum(open_tasks_after(actor, each) for each in sorted(long_absent(clock.now())))


def all_for(actor: Actor) -> list[PersonVacancy]:
    """Return every vacancy among the people that the actor may see, the longest first."""
    now = clock.now()
    away = long_absent(now)
    found = [
        (each.patient_id, vacancy)
        for each in needs.required(records.visible_to(actor, Patients))
        for vacancy in each.vacancies(now, away)
    ]
    people = records.read_many(actor, [f"Patient/{patient_id}" for patient_id, _ in found])
    listed = [
        PersonVacancy(patient=people[f"Patient/{patient_id}"], vacancy=vacancy)
        for patient_id, vacancy in found
    ]
    return sorted(
        listed,
        key=lambda each: (each.vacancy.since or NEVER, each.patient.id, each.vacancy.role),
    )


def _open_vacancy_task(actor: Actor, patient: Record, vacancy: Vacancy) -> Record:
    definition = definitions.current()
    service = definition.services.get("care-coordination")
    pool = definition.teams[service.team] if service else next(iter(definition.teams.values()))
    coordinator = rules.holder_at(_named(patient.id), AccountableRole.COORDINATOR, clock.now())
    # The coordinator keeps the person together; without one the team's pool has the task.
    there = coordinator is not None and coordinator.practitioner not in long_absent(clock.now())
    owner = coordinator.practitioner if coordinator and there else f"CareTeam/{pool.code}"
    left = (vacancy.left_by or "").removeprefix("Practitioner/")
    leaver = definition.staff.get(left)
    words = f"{rules.TITLES[vacancy.role]} to be named"
    if leaver is not None:
        words += f" after {leaver.name}"
    return tasks.open_task(
        actor,
        code="vacancy",
        patient=patient.reference,
        description=words,
        owner=owner,
        priority="urgent",
        focus=f"CareTeam/{team.team_id(patient.id)}" if left else patient.reference,
        performing_organization=f"Organization/{pool.organisation}",
        accountable_organization=f"Organization/{service.accountable}"
        if service
        else f"Organization/{definition.hub_organisation}",
        clock=VACANCY_CLOCK if VACANCY_CLOCK in definition.clocks else None,
        service=service.code if service else None,
        id=_free_task_id(patient.id, vacancy),
    )


def _open_vacancy_tasks(patient_id: str) -> dict[AccountableRole, Record]:
    # The description is the hub's own and begins with the role's title.
    found = {}
    titles = {title: role for role, title in rules.TITLES.items()}
    for record in standing.managed(_HUB, "Task", patient_id, status=OPEN, code="vacancy"):
        words = record["description"].partition(" to be named")[0]
        if words in titles:
            found[titles[words]] = record
    return found


def close_filled(patient_id: str, held: tuple[Holding, ...]) -> None:
    now = clock.now()
    away = long_absent(now)
    for role, task in _open_vacancy_tasks(patient_id).items():
        holder = rules.holder_at(held, role, now)
        if holder is not None and holder.practitioner not in away:
            tasks.cancel(
                _HUB,
                task.id,
                version=task.version,
                reason="no-longer-needed",
                note=f"{rules.TITLES[role]} has been named.",
            )


def close_needless(patient_id: str, required: frozenset[AccountableRole]) -> None:
    """Call off the tasks to name somebody whom the person does not need any more."""
    for role, task in _open_vacancy_tasks(patient_id).items():
        if role not in required:
            tasks.cancel(
                _HUB,
                task.id,
                version=task.version,
                reason="no-longer-needed",
                note=f"{rules.TITLES[role]}: nobody has to be named any more.",
            )


def _free_task_id(patient_id: str, vacancy: Vacancy) -> str:
    """Return an id that two who see the same vacancy at once both arrive at.

    A task that was closed while the role stayed empty keeps its id; the next one has its own.
    """
    for number in count():
        again = f" {number}" if number else ""
        name = f"{patient_id} {vacancy.role} {vacancy.since}{again}"
        task_id = str(uuid5(_NAMESPACE, name))
        if not records.read_many(_HUB, [f"Task/{task_id}"]):
            return task_id
    raise AssertionError("unreachable: count() never ends")


def _named(patient_id: str) -> tuple[Holding, ...]:
    return tuple(each for each in spells.of(patient_id) if not each.stands_in)
