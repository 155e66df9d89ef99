"""Who is accountable for a person: named, handed on, ended; a vacancy is somebody's task at once.

Source: the care model, section 6. History is kept in the managed CareTeam of the person.
"""

from dataclasses import dataclass
from datetime import datetime

from fhir.outcomes import NotFoundError
from hub import clock, records
from hub.domain import accountability as rules
from hub.domain.accountability import AccountableRole, Holding
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import RuleError
from hub.queries import deputising
from hub.records import Record
from hub.services import accountability_need as needs
from hub.services import accountability_offer_rows as offer_rows
from hub.services import accountability_rows as spells
from hub.services import accountability_team as team
from hub.services import vacancies as vacant
from hub.services.vacancies import PersonVacancy

__all__ = [
    "AccountableRole",
    "Answer",
    "PersonVacancy",
    "answers",
    "as_at",
    "current",
    "end",
    "history",
    "name",
    "raise_vacancies",
    "settle",
    "vacancies",
]

_HUB = hub_actor("accountability")

vacancies = vacant.all_for
raise_vacancies = vacant.open_tasks
settle = vacant.settle


def name(
    actor: Actor,
    patient_id: str,
    *,
    role: str,
    practitioner: str,
    start: datetime | None = None,
) -> Record:
    """Name ``practitioner`` for a role; the holder before ends at the same instant.

    Returns the CareTeam. The urgent task of a vacancy that this fills is closed, a stand-in stands
    down, and an open offer of the role is overtaken.
    """
    # The person first, the team after: one order of locks for everybody who settles them.
    patient = records.lock(actor, "Patient", patient_id)
    wanted = _role(role)
    _check_person(practitioner)
    found = _locked_team(actor, patient.id)
    resource = found.resource if found else team.new_team(patient.id)
    start = start or clock.now()
    answered = vacant.answered_until(patient.id, team.spells(resource), wanted, start)
    held = rules.name(answered, wanted, practitioner, start)
    team.write(resource, held)
    if found is None:
        written = records.create(actor, resource, id=team.team_id(patient.id), managed=True)
    else:
        written = records.update(
            actor, resource, type="CareTeam", id=found.id, if_match=found.version
        )
    vacant.close_filled(patient.id, tuple(each for each in held if not each.stands_in))
    offer_rows.overtake(actor, patient.id, wanted, by=practitioner)
    return written


def end(actor: Actor, patient_id: str, *, role: str, at: datetime | None = None) -> Record:
    """End a role without a successor.

    Where it must be held, a stand-in answers from that moment on and an urgent task is opened.
    """
    patient = records.lock(actor, "Patient", patient_id)
    wanted = _role(role)
    found = _locked_team(actor, patient_id)
    if found is None:
        raise NotFoundError(f"nobody is accountable for Patient/{patient_id} yet")
    resource = found.resource
    held = rules.end(team.spells(resource), wanted, at or clock.now())
    team.write(resource, held)
    records.update(actor, resource, type="CareTeam", id=found.id, if_match=found.version)
    vacant.settle(actor, patient.id)
    offer_rows.overtake(actor, patient.id, wanted, by=None)
    return records.read(_HUB, "CareTeam", found.id)


@dataclass(frozen=True, slots=True)
class Answer:
    """Who answers for a person in one role at an instant."""

    role: AccountableRole
    practitioner: str
    """``Practitioner/<id>``."""
    since: datetime
    stands_in: bool
    """True: the role is vacant, and this person answers until somebody is named."""
    deputy: str | None = None
    """``Practitioner/<id>`` who acts for them, where they are away at that instant."""


def answers(actor: Actor, patient_id: str, at: datetime | None = None) -> tuple[Answer, ...]:
    """Answer "who answers for this person", now or on a date: each role once.

    A role that has to be held now has an answer even in the seconds before the hub has written it
    down: the stand-in by rule.
    """
    patient = records.read(actor, "Patient", patient_id)
    now = clock.now()
    instant = at or now
    held = {each.role: each for each in spells.of(patient.id) if each.holds_at(instant)}
    for wanted in needs.required(needs.Patients.c.id == patient.id):
        since = wanted.since or now
        if since <= instant <= now:
            for role in wanted.required - set(held):
                last = rules.last_of(wanted.held, role)
                began = max(each for each in (since, last.end if last else None) if each)
                if began <= instant:
                    someone = vacant.stand_in_for(role, instant)
                    held[role] = Holding(role, someone, began, stands_in=True)
    acting = deputising.of([each.practitioner for each in held.values()], instant)
    return tuple(
        Answer(
            role,
            each.practitioner,
            each.start,
            each.stands_in,
            acting[each.practitioner].deputy if each.practitioner in acting else None,
        )
        for role, each in sorted(held.items())
    )


def current(actor: Actor, patient_id: str) -> dict[AccountableRole, Holding]:
    """Return who is named for each role now; a stand-in is not named."""
    return as_at(actor, patient_id, clock.now())


def as_at(actor: Actor, patient_id: str, instant: datetime) -> dict[AccountableRole, Holding]:
    """Return who was named for each role on a date; ``answers`` knows the stand-ins too."""
    return rules.current(history(actor, patient_id), instant)


def history(actor: Actor, patient_id: str) -> tuple[Holding, ...]:
    """Return every holding of a named person there ever was."""
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
