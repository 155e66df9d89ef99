"""Who is accountable for a person: named, handed on, ended; a vacancy is somebody's task at once.

Source: the care model, section 6. History is kept in the managed CareTeam of the person.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, exists, or_, select

from fhir import jsontext
from fhir.outcomes import NotFoundError
from hub import clock, records
from hub.db import db
from hub.domain import accountability as rules
from hub.domain.accountability import AccountableRole, Holding, Need, Vacancy
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import RuleError
from hub.domain.referral import age_on
from hub.domain.task_states import OPEN
from hub.queries import standing
from hub.records import Record
from hub.services import accountability_team as team
from hub.services import definitions, tasks

_HUB = hub_actor("accountability")

VACANCY_CLOCK = "vacancy-filled"

NEVER = datetime.min.replace(tzinfo=UTC)
"""Sorts a role that was never held before those that were."""

Patients = records.table("Patient")

_NAMESPACE = UUID("2f3a3a42-4a5c-5a8e-8a51-6f4f0a6a7b01")


@dataclass(frozen=True, slots=True)
class PersonVacancy:
    """A role that somebody must hold for a person and nobody does."""

    patient: Record
    vacancy: Vacancy


def name(
    actor: Actor,
    patient_id: str,
    *,
    role: str,
    practitioner: str,
    start: datetime | None = None,
) -> Record:
    """Name ``practitioner`` for a role; the holder before ends at the same instant.

    Returns the CareTeam. The urgent task of a vacancy that this fills is closed.
    """
    patient = records.read(actor, "Patient", patient_id)
    wanted = _role(role)
    _check_person(practitioner)
    found = _locked_team(actor, patient.id)
    resource = found.resource if found else team.new_team(patient.id)
    held = rules.name(team.holdings(resource), wanted, practitioner, start or clock.now())
    team.write(resource, held)
    if found is None:
        written = records.create(actor, resource, id=team.team_id(patient.id), managed=True)
    else:
        written = records.update(
            actor, resource, type="CareTeam", id=found.id, if_match=found.version
        )
    _close_filled(patient.id, held)
    return written


def end(actor: Actor, patient_id: str, *, role: str, at: datetime | None = None) -> Record:
    """End a role without a successor. Where it must be held, an urgent task is opened at once."""
    patient = records.read(actor, "Patient", patient_id)
    wanted = _role(role)
    found = _locked_team(actor, patient_id)
    if found is None:
        raise NotFoundError(f"nobody is accountable for Patient/{patient_id} yet")
    resource = found.resource
    held = rules.end(team.holdings(resource), wanted, at or clock.now())
    team.write(resource, held)
    written = records.update(actor, resource, type="CareTeam", id=found.id, if_match=found.version)
    raise_vacancies(actor, patient)
    return written


def current(actor: Actor, patient_id: str) -> dict[AccountableRole, Holding]:
    """Return who holds each role now."""
    return as_at(actor, patient_id, clock.now())


def as_at(actor: Actor, patient_id: str, instant: datetime) -> dict[AccountableRole, Holding]:
    """Answer "who was accountable on this date"."""
    return rules.current(history(actor, patient_id), instant)


def history(actor: Actor, patient_id: str) -> tuple[Holding, ...]:
    """Return every holding there ever was."""
    found = records.read_many(actor, [f"CareTeam/{team.team_id(patient_id)}"])
    return next((team.holdings(record.resource) for record in found.values()), ())


def vacancies_of(patient: Record) -> tuple[Vacancy, ...]:
    """Return the roles that must be held for a person and are not."""
    return next((each.vacancies for each in _required(Patients.c.id == patient.id)), ())


def raise_vacancies(actor: Actor, patient: Record) -> list[Record]:
    """Open an urgent task for each vacancy of a person that has none yet."""
    open_already = _open_vacancy_tasks(patient.id)
    opened = []
    for vacancy in vacancies_of(patient):
        if vacancy.role in open_already:
            continue
        opened.append(_open_vacancy_task(actor, patient, vacancy))
    return opened


def vacancies(actor: Actor) -> list[PersonVacancy]:
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
            team.holdings(held.resource) if held else (), rules.required_roles(need), now
        )
        if found:
            yield _Row(row.id, found)


def _open_vacancy_task(actor: Actor, patient: Record, vacancy: Vacancy) -> Record:
    definition = definitions.current()
    service = definition.services.get("care-coordination")
    pool = definition.teams[service.team] if service else next(iter(definition.teams.values()))
    coordinator = rules.holder_at(
        history(_HUB, patient.id), AccountableRole.COORDINATOR, clock.now()
    )
    # The coordinator keeps the person together; without one the team's pool has the task.
    owner = coordinator.practitioner if coordinator else f"CareTeam/{pool.code}"
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
        id=_task_id(patient.id, vacancy),
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


def _close_filled(patient_id: str, held: tuple[Holding, ...]) -> None:
    now = clock.now()
    for role, task in _open_vacancy_tasks(patient_id).items():
        holder = rules.holder_at(held, role, now)
        if holder is not None:
            tasks.cancel(
                _HUB,
                task.id,
                version=task.version,
                reason="no-longer-needed",
                note=f"{rules.TITLES[role]} has been named.",
            )


def _task_id(patient_id: str, vacancy: Vacancy) -> str:
    """Return an id that two who see the same vacancy at once both arrive at."""
    return str(uuid5(_NAMESPACE, f"{patient_id} {vacancy.role} {vacancy.since}"))


def _locked_team(actor: Actor, patient_id: str) -> Record | None:
    try:
        return records.lock(actor, "CareTeam", team.team_id(patient_id))
    except NotFoundError:
        return None


def _role(role: str) -> AccountableRole:
    try:
        return AccountableRole(role)
    except ValueError:
        raise RuleError(
            f"nobody is named as {role}",
            field="role",
            allowed=[each.value for each in AccountableRole],
        ) from None


def _check_person(practitioner: str) -> None:
    if practitioner not in records.read_many(_HUB, [practitioner]):
        raise RuleError(f"the hub does not know {practitioner}", field="practitioner")


def _age(birth_date: str | None, today: date) -> int | None:
    """Return the age; of a year or a month only, the latest day it can mean."""
    if not birth_date:
        return None
    parts = [int(part) for part in birth_date.split("-")]
    year, month, day = (*parts, *(12, 28)[len(parts) - 1 :])
    return age_on(date(year, month, day), today)
