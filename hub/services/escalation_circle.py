"""Who stands round a task now: rota, absences and the definition, as the rules want them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range

from hub.db import db
from hub.domain.definition import HubDefinition, Team
from hub.domain.escalation_targets import Circle
from hub.models.absence import Absence
from hub.models.shift import Shift
from hub.services import deputies

ON_CALL = "on-call"
"""``Shift.kind`` of people who are asked when nobody is at work."""

_BUCKET = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Spell:
    """A shift or an absence from ``starts`` to ``ends`` (UTC; None: open)."""

    who: str
    starts: datetime
    ends: datetime | None
    team: str = ""
    on_call: bool = False

    def covers(self, at: datetime) -> bool:
        return self.starts <= at and (self.ends is None or at < self.ends)


class Staffing:
    """Shifts and absences that touch a span of time, to be asked about instants in it."""

    def __init__(self, start: datetime, end: datetime) -> None:
        """Read them once: two queries, however many instants are asked about."""
        span = Range(start, end, bounds="[]")
        self._start = start
        self._shifts: dict[int, list[_Spell]] = {}
        for spell in _shifts(span):
            for day in range(self._day(spell.starts), self._day(spell.ends or end) + 1):
                self._shifts.setdefault(day, []).append(spell)
        self._absences = _absences(span)

    def circle(
        self, definition: HubDefinition, *, owner: str, team: str | None, at: datetime
    ) -> Circle:
        """Return who stands round work of ``owner`` (a reference) in ``team`` at an instant."""
        away = frozenset(each.who for each in self._absences if each.covers(at))
        here = [
            each
            for each in self._shifts.get(self._day(at), ())
            if each.covers(at) and each.who not in away
        ]
        working = [each for each in here if not each.on_call]
        pool = team or _team_of(owner, definition)
        known = definition.teams.get(pool.removeprefix("CareTeam/"))
        desk = f"CareTeam/{_desk(definition, known)}"
        named = f"Practitioner/{known.duty_manager}" if known else None
        return Circle(
            owner=owner,
            team=pool,
            desk=desk,
            lead=f"Practitioner/{known.lead}" if known else None,
            duty_manager=named,
            at_work=_of(working, pool),
            on_call=_of((each for each in here if each.on_call), pool),
            managers=_peers(definition, named, working),
            desk_at_work=_of(working, desk) or _of((each for each in here if each.on_call), desk),
            present=frozenset(each.who for each in here),
            away=away,
            deputies=_deputies(definition, owner, working, away),
        )

    def _day(self, at: datetime) -> int:
        return (at - self._start) // _BUCKET


def around(definition: HubDefinition, *, owner: str, team: str | None, at: datetime) -> Circle:
    """Return who stands round one task at one instant.

    Who was asked to act for an absent owner is the deputy; a colleague at work where nobody was.
    """
    found = Staffing(at, at).circle(definition, owner=owner, team=team, at=at)
    asked = deputies.deputy_of(owner, at) if owner in found.away else None
    if asked is not None and asked in found.present:
        return replace(found, deputies={owner: asked})
    return found


def deputy_of(definition: HubDefinition, practitioner: str, working: Iterable[str]) -> str | None:
    """Return who stands in for somebody who is away, or None.

    A colleague of the same role and team who is at work; the escalation goes on to the team lead
    where there is none.
    """
    person = definition.staff.get(practitioner.removeprefix("Practitioner/"))
    if person is None:
        return None
    for each in working:
        other = definition.staff.get(each.removeprefix("Practitioner/"))
        if (
            other is not None
            and each != practitioner
            and other.role == person.role
            and set(other.teams) & set(person.teams)
        ):
            return each
    return None


def _deputies(
    definition: HubDefinition, owner: str, working: list[_Spell], away: frozenset[str]
) -> Mapping[str, str]:
    if owner not in away:
        return {}
    found = deputy_of(definition, owner, [each.who for each in working])
    return {owner: found} if found else {}


def _peers(definition: HubDefinition, named: str | None, working: list[_Spell]) -> tuple[str, ...]:
    """Return who at work does what the named duty manager does, in a team of theirs."""
    manager = definition.staff.get((named or "").removeprefix("Practitioner/"))
    if manager is None:
        return ()
    found = []
    for each in working:
        other = definition.staff.get(each.who.removeprefix("Practitioner/"))
        if other and other.role == manager.role and set(other.teams) & set(manager.teams):
            found.append(each.who)
    return tuple(dict.fromkeys(found))


def _of(spells: Iterable[_Spell], team: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.who for each in spells if each.team == team))


def _desk(definition: HubDefinition, team: Team | None) -> str:
    if team is None:
        return definition.spor.out_of_hours_desk
    return team.desk or team.code


def _team_of(owner: str, definition: HubDefinition) -> str:
    if owner.startswith("CareTeam/"):
        return owner
    person = definition.staff.get(owner.removeprefix("Practitioner/"))
    team = person.teams[0] if person and person.teams else definition.spor.out_of_hours_desk
    return f"CareTeam/{team}"


def _shifts(span: Range[datetime]) -> list[_Spell]:
    rows = db.session.execute(
        select(Shift.practitioner, Shift.during, Shift.team, Shift.kind)
        .where(Shift.during.overlaps(span))
        # Longest at work first; who started together stands by name.
        .order_by(func.lower(Shift.during), Shift.practitioner)
    )
    return [
        _Spell(who, during.lower, during.upper, team or "", kind == ON_CALL)
        for who, during, team, kind in rows
        if during.lower is not None
    ]


def _absences(span: Range[datetime]) -> list[_Spell]:
    rows = db.session.execute(
        select(Absence.practitioner, Absence.during)
        .where(Absence.during.overlaps(span))
        .order_by(Absence.practitioner, func.lower(Absence.during))
    )
    return [_Spell(who, during.lower, during.upper) for who, during in rows if during.lower]
