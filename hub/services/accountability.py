"""Who is accountable for a person: named, handed on, ended; a vacancy is somebody's task at once.

Source: the care model, section 6. History is kept in the managed CareTeam of the person.
"""

from datetime import datetime

from fhir.outcomes import NotFoundError
from hub import clock, records
from hub.domain import accountability as rules
from hub.domain.accountability import AccountableRole, Holding
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import RuleError
from hub.records import Record
from hub.services import accountability_team as team
from hub.services import vacancies as vacant
from hub.services.vacancies import PersonVacancy

__all__ = [
    "AccountableRole",
    "PersonVacancy",
    "as_at",
    "current",
    "end",
    "history",
    "name",
    "raise_vacancies",
    "vacancies",
]

_HUB = hub_actor("accountability")

vacancies = vacant.all_for
raise_vacancies = vacant.open_tasks


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
    vacant.close_filled(patient.id, held)
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
    vacant.open_tasks(actor, patient)
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
