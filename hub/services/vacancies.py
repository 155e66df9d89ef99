"""Roles that somebody must hold for a person and nobody does: found, and somebody's task at once.

Source: the care model, section 6: "a vacancy (leaver, long absence) raises an urgent task the same
minute and is on the manager's page until filled".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, exists, func, or_, select

from fhir import jsontext
from hub import clock, records
from hub.db import db
from hub.domain import accountability as rules
from hub.domain.accountability import AccountableRole, Holding, Need, Vacancy
from hub.domain.actor import Actor, hub_actor
from hub.domain.referral import age_on
from hub.domain.task_states import OPEN
from hub.models.absence import Absence
from hub.queries import standing
from hub.records import Record
from hub.records.relationships import CARE_TEAM
from hub.records.tables import RELATIONSHIPS
from hub.services import accountability_team as team
from hub.services import definitions, tasks

_HUB = hub_actor("accountability")

VACANCY_CLOCK = "vacancy-filled"

LONG_ABSENCE = timedelta(days=28)
"""From this length on, foreseen or already lasted, who is away is not accountable in practice."""

NEVER = datetime.min.replace(tzinfo=UTC)
"""Sorts a role that was never held before those that were."""

Patients = records.table("Patient")

_NAMESPACE = UUID("2f3a3a42-4a5c-5a8e-8a51-6f4f0a6a7b01")


@dataclass(frozen=True, slots=True)
class PersonVacancy:
    """A role that somebody must hold for a person and nobody does."""

    patient: Record
    vacancy: Vacancy


def of_person(patient: Record) -> tuple[Vacancy, ...]:
    """Return the roles that must be held for a person and are not."""
    return next((each.vacancies for each in _required(Patients.c.id == patient.id)), ())


def open_tasks(actor: Actor, patient: Record) -> list[Record]:
    """Open an urgent task for each vacancy of a person that has none yet."""
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


def long_absent(now: datetime) -> frozenset[str]:
    """Return the people who are away now and will be, or have been, for long."""
    starts, ends = func.lower(Absence.during), func.upper(Absence.during)
    return frozenset(
        db.session.scalars(
            select(Absence.practitioner).where(
                Absence.during.contains(now),
                or_(
                    ends - starts >= LONG_ABSENCE,
                    func.upper_inf(Absence.during) & (starts <= now - LONG_ABSENCE),
                ),
            )
        )
    )


def all_for(actor: Actor) -> list[PersonVacancy]:
    """Return every vacancy among the people that the actor may see, the longest first."""
    found = [
        (row.patient_id, vacancy)
        for row in _required(records.visible_to(actor, Patients))
        for vacancy in row.vacancies
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


@dataclass(frozen=True, slots=True)
class _Row:
    patient_id: str
    vacancies: tuple[Vacancy, ...]


def _required(which: ColumnElement[bool]) -> Iterator[_Row]:
    """Yield the living people who must have somebody, with what is vacant, in two statements."""
    now = clock.now()
    plan, episode = records.table("CarePlan"), records.table("EpisodeOfCare")
    planned = exists(
        select(plan.c.id).where(
            plan.c.patient_id == Patients.c.id,
            plan.c.managed,
            ~plan.c.deleted,
            plan.c.status.in_(["active", "on-hold"]),
        )
    )

    def in_care(code: str) -> ColumnElement[bool]:
        return exists(
            select(episode.c.id).where(
                episode.c.patient_id == Patients.c.id,
                episode.c.managed,
                ~episode.c.deleted,
                episode.c.status == "active",
                episode.c.type == code,
            )
        )

    # A day more than the years hold: the exact age is reckoned below.
    born_before = now - timedelta(days=365 * rules.NAMED_FROM_AGE)
    rows = db.session.execute(
        select(
            Patients.c.id,
            Patients.c.content,
            planned.label("planned"),
            in_care("eol-register").label("on_register"),
            in_care("social-care").label("in_social_care"),
        ).where(
            which,
            ~Patients.c.deleted,
            or_(
                Patients.c.d_birthdate_lo <= born_before,
                planned,
                in_care("eol-register"),
                in_care("social-care"),
            ),
        )
    ).all()
    away = long_absent(now)
    teams = records.read_many(_HUB, [f"CareTeam/{team.team_id(row.id)}" for row in rows])
    for row in rows:
        person = jsontext.loads(row.content)
        if person.get("deceasedBoolean") or "deceasedDateTime" in person:
            continue
        need = Need(
            age=_age(person.get("birthDate"), now.date()),
            complex_need=row.planned,
            on_register=row.on_register,
            in_social_care=row.in_social_care,
        )
        held = teams.get(f"CareTeam/{team.team_id(row.id)}")
        found = rules.vacancies(
            team.holdings(held.resource) if held else (),
            rules.required_roles(need),
            now,
            away=away,
        )
        if found:
            yield _Row(row.id, found)


def _open_vacancy_task(actor: Actor, patient: Record, vacancy: Vacancy) -> Record:
    definition = definitions.current()
    service = definition.services.get("care-coordination")
    pool = definition.teams[service.team] if service else next(iter(definition.teams.values()))
    coordinator = rules.holder_at(_held(patient.id), AccountableRole.COORDINATOR, clock.now())
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


def _held(patient_id: str) -> tuple[Holding, ...]:
    found = records.read_many(_HUB, [f"CareTeam/{team.team_id(patient_id)}"])
    return next((team.holdings(record.resource) for record in found.values()), ())


def _age(birth_date: str | None, today: date) -> int | None:
    """Return the age; of a year or a month only, the latest day it can mean."""
    if not birth_date:
        return None
    parts = [int(part) for part in birth_date.split("-")]
    year, month, day = (*parts, *(12, 28)[len(parts) - 1 :])
    return age_on(date(year, month, day), today)
