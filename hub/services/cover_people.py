"""People and a hole in the cover: who could take it, who was asked, who answers for it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from hub import clock, records
from hub.db import db
from hub.domain import cover_access, cover_people, cover_words, fairness
from hub.domain.actor import Actor
from hub.domain.cover import Span
from hub.domain.cover_needs import Need
from hub.domain.cover_of_hub import needs_of
from hub.domain.cover_people import Standing
from hub.domain.definition import HubDefinition
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.staffing import StaffMember
from hub.models.cover_hole import CoverHole
from hub.queries import cover as cover_query
from hub.services import cover_alarms, cover_view, definitions, notices, rota

_AROUND = timedelta(days=1)
"""Shifts so far before and after a hole say whether somebody has rested."""

ASKED, ANSWERED = "CoverAsked", "CoverAnswered"


@dataclass(frozen=True, slots=True)
class Offer:
    """What people are asked to take, and who could."""

    span: Span
    standings: tuple[Standing, ...]


def offer(hole_id: str) -> Offer:
    """Return who could take a hole (or its next twelve hours), those whose turn it is first."""
    row = _found(hole_id)
    hub, now = definitions.current(), clock.now()
    need = _need(hub, row)
    span = cover_people.offered(row.starts_at, row.ends_at, now)
    plan = rota.around(span[0] - _AROUND, span[1] + _AROUND)
    since, until = cover_view.looking_back()
    worked = fairness.tallies(hub, rota.around(since, until), since, until)
    return Offer(span, cover_people.standings(need, span, _asked_about(hub, need), plan, worked))


def acknowledge(actor: Actor, hole_id: str, *, note: str | None = None) -> CoverHole:
    """Take a hole on: the duty manager is not called for it, unless it is still there at the end.

    Raises StateError for one that is closed or acknowledged already, and says by whom.
    """
    row = _open(actor, hole_id)
    if row.acknowledged_at is not None:
        who = _name(row.acknowledged_by or "")
        raise StateError(f"{who or 'somebody'} has acknowledged this already", field="hole")
    row.acknowledged_at = clock.now()
    row.acknowledged_by = actor.practitioner or actor.id
    row.note = note
    records.audit.record(actor, "cover-acknowledged", row.team, {"hole": row.id})
    cover_alarms.schedule(row)
    db.session.flush()
    return row


def ask(actor: Actor, hole_id: str, staff: Collection[str]) -> list[str]:
    """Ask people (``Practitioner/<id>``) to take a hole; return those who had not been asked.

    Refuses with RuleError whoever could not take it: a person is not asked to break their rest.
    """
    row = _open(actor, hole_id)
    if not staff:
        raise RuleError("choose whom to ask", field="staff")
    offered = offer(hole_id)
    could = {each.staff: each for each in offered.standings}
    for each in staff:
        if each not in could:
            raise RuleError(f"{each} is not of this team or its neighbours", field="staff")
        if could[each].bar is not None:
            raise RuleError(f"{could[each].name} {could[each].bar}", field="staff")
    hub = definitions.current()
    when = cover_words.when(*offered.span, hub.time_zone)
    asked = notices.tell(
        staff,
        kind=ASKED,
        subject=f"CoverHole/{row.id}",
        line=f"{actor.display} asks: can you work {when} for {row.name}?",
        key=f"CoverHole/{row.id}/asked/{offered.span[0].isoformat()}",
        urgent=row.starts_at - clock.now() <= timedelta(hours=24),
    )
    records.audit.record(actor, "cover-asked", row.team, {"hole": row.id, "asked": asked})
    return asked


def answer(actor: Actor, hole_id: str, *, can: bool) -> list[str]:
    """Tell whoever runs the team what somebody who was asked says; return who was told."""
    row = _found(hole_id)
    if not was_asked(actor, hole_id):
        raise NotPermittedError("only somebody who was asked answers")
    hub = definitions.current()
    team = hub.teams[row.team.removeprefix("CareTeam/")]
    told = {f"Practitioner/{team.lead}", row.acknowledged_by or f"Practitioner/{team.lead}"}
    words = "can work" if can else "cannot work"
    mine = f"CoverHole/{row.id}/{actor.practitioner}/"
    said = sorted(
        each.key
        for each in cover_query.notices_of(hole_id, ANSWERED)
        if each.key.startswith(mine) and each.recipient == f"Practitioner/{team.lead}"
    )
    end = "yes" if can else "no"
    if said and said[-1].endswith(end):
        return []
    return notices.tell(
        told,
        kind=ANSWERED,
        subject=f"CoverHole/{row.id}",
        line=f"{actor.display} {words} "
        f"{cover_words.when(row.starts_at, row.ends_at, hub.time_zone)} for {row.name}",
        # Whoever changes their mind is heard again.
        key=f"{mine}{len(said):03}/{end}",
        urgent=can,
    )


def was_asked(actor: Actor, hole_id: str) -> bool:
    asked = {each.recipient for each in cover_query.notices_of(hole_id, ASKED)}
    return actor.practitioner in asked


def _found(hole_id: str) -> CoverHole:
    row = cover_query.hole(hole_id)
    if row is None:
        raise StateError(f"there is no hole {hole_id}", field="hole")
    return row


def _open(actor: Actor, hole_id: str) -> CoverHole:
    row = db.session.get(CoverHole, hole_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise StateError(f"there is no hole {hole_id}", field="hole")
    if not cover_access.may_act(definitions.current(), actor, row.team):
        raise NotPermittedError("the lead of the team or a manager acts on its cover")
    if row.closed_at is not None:
        raise StateError("this is covered or has gone by: there is nothing to do", field="hole")
    return row


def _need(hub: HubDefinition, row: CoverHole) -> Need:
    known = next((need for need in needs_of(hub) if need.code == row.need), None)
    if known is not None:
        return known
    # Urgent work, or a need that the definition has no more: anybody of the team.
    team = hub.teams[row.team.removeprefix("CareTeam/")]
    return Need(row.need, row.name, row.team, hub.calendars[team.calendar])


def _asked_about(hub: HubDefinition, need: Need) -> list[StaffMember]:
    """Return the people of the team, and those of its neighbours who have the role."""
    team = hub.teams[need.team.removeprefix("CareTeam/")]
    roles = need.roles or {each.role for each in hub.members(team.code)}
    return [
        person
        for person in hub.staff.values()
        if team.code in person.teams
        or (person.role in roles and set(person.teams) & set(team.neighbours))
    ]


def _name(reference: str) -> str:
    person = definitions.current().staff.get(reference.removeprefix("Practitioner/"))
    return person.name if person else ""
