"""Every change of the rota goes through here: history kept, overlap refused, everybody told.

One RotaChanged event a team names what was touched: whoever derives something from the rota
(coverage, the FHIR records) listens to it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError

from hub import clock, records
from hub.db import db
from hub.domain import calendars, rota
from hub.domain.actor import Actor, ActorKind
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.staffing import StaffMember
from hub.models.absence import Absence
from hub.models.rota_history import RotaHistory
from hub.models.shift import Shift
from hub.models.shift_offer import ShiftOffer
from hub.services import definitions, notices

OPEN_END = timedelta(days=90)
"""An absence without an end is announced this far: further than any rota is planned."""

_PLANNERS = frozenset({"management", "administration"})
_KEPT = (
    "role", "service", "place", "areas", "kind", "minutes", "pattern", "sequence", "changed_by",
    "cause", "reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Touched:
    """One person's time on the rota of one team that is not what it was."""

    practitioner: str
    team: str | None
    starts_at: datetime
    ends_at: datetime | None


def announce(touched: Iterable[Touched]) -> None:
    """Emit one RotaChanged event a team, in the open transaction."""
    by_team: dict[str, list[Touched]] = {}
    for each in touched:
        teams = [each.team] if each.team else teams_of(each.practitioner)
        for team in teams:
            by_team.setdefault(team, []).append(each)
    for team, found in sorted(by_team.items()):
        ends = [each.ends_at or max(each.starts_at, clock.now()) + OPEN_END for each in found]
        records.outbox.emit(
            "RotaChanged",
            subject=team,
            payload={
                "teams": [team],
                "from": min(each.starts_at for each in found).isoformat(),
                "to": max(ends).isoformat(),
                "people": sorted({each.practitioner for each in found}),
            },
        )


def bounds(shift: Shift) -> tuple[datetime, datetime]:
    """Return start and end of a shift: it always has both."""
    starts, ends = shift.during.lower, shift.during.upper
    assert starts is not None
    assert ends is not None
    return starts, ends


def as_rule(shift: Shift) -> rota.Shift:
    """Return a shift as the rules see it."""
    starts, ends = bounds(shift)
    return rota.Shift(
        staff=shift.practitioner,
        team=shift.team or "",
        starts_at=starts,
        ends_at=ends,
        role=shift.role,
        place=shift.place,
        kind=shift.kind,
        service=shift.service,
        areas=tuple(shift.areas),
    )


def locked(shift_id: str) -> Shift:
    """Return a shift that nobody else changes before this transaction ends."""
    found = db.session.scalar(
        select(Shift)
        .where(Shift.id == shift_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise StateError(f"there is no shift {shift_id} on the rota any more", field="shift")
    return found


def change(actor: Actor, shift: Shift, *, cause: str, reason: str | None, **new: Any) -> Shift:
    """Give a locked shift new values; what it was is kept, open offers of it end.

    Raises RuleError where the person would work two shifts at once.
    """
    before = as_rule(shift)
    during = new.get("during", shift.during)
    check_free(
        new.get("practitioner", shift.practitioner), during.lower, during.upper, besides=[shift.id]
    )
    keep(actor, shift, cause=cause, reason=reason)
    end_offers([shift.id], note="the shift has changed")
    for name, value in new.items():
        setattr(shift, name, value)
    _stamp(actor, shift, cause, reason)
    flush()
    after = as_rule(shift)
    announce(
        Touched(each.staff, each.team, each.starts_at, each.ends_at) for each in (before, after)
    )
    return shift


def add(actor: Actor, shift: Shift, *, cause: str, reason: str | None) -> Shift:
    """Put a new shift on the rota. Raises RuleError where the person is at work already."""
    shift.sequence = 0
    _stamp(actor, shift, cause, reason)
    check_free(shift.practitioner, *bounds(shift))
    db.session.add(shift)
    flush()
    announce([Touched(shift.practitioner, shift.team, *bounds(shift))])
    return shift


def remove(actor: Actor, shift: Shift, *, cause: str, reason: str | None) -> None:
    """Call a locked shift off; it stays in the history and is never planned again."""
    keep(actor, shift, cause=cause, reason=reason)
    end_offers([shift.id], note="the shift was called off")
    db.session.delete(shift)
    flush()
    announce([Touched(shift.practitioner, shift.team, *bounds(shift))])


def _stamp(actor: Actor, shift: Shift, cause: str, reason: str | None) -> None:
    shift.known_from = clock.now()
    shift.changed_by = actor.id
    shift.cause = cause
    shift.reason = reason


def keep(actor: Actor, shift: Shift, *, cause: str, reason: str | None) -> None:
    """Write down a shift as it stands, because it is about to change; it gets its next number."""
    db.session.add(
        RotaHistory(
            kind="shift",
            row_id=shift.id,
            uid=shift.uid,
            practitioner=shift.practitioner,
            team=shift.team,
            during=shift.during,
            known=_until_now(shift.known_from),
            content={name: getattr(shift, name) for name in _KEPT},
            ended_at=clock.now(),
            ended_by=actor.id,
            cause=cause,
            reason=reason,
        )
    )
    shift.sequence += 1


def keep_absence(actor: Actor, absence: Absence, *, cause: str, reason: str | None = None) -> None:
    """Write down an absence as it stands, because it is about to change."""
    db.session.add(
        RotaHistory(
            kind="absence",
            row_id=absence.id,
            practitioner=absence.practitioner,
            during=absence.during,
            known=_until_now(absence.known_from),
            content={
                "reason": absence.reason,
                "reported_by": absence.reported_by,
                "changed_by": absence.changed_by,
                "moved": absence.moved,
            },
            ended_at=clock.now(),
            ended_by=actor.id,
            cause=cause,
            reason=reason,
        )
    )
    absence.known_from = clock.now()
    absence.changed_by = actor.id


def _until_now(since: datetime) -> Range[datetime]:
    # Two changes at one instant of a simulated clock: the state between them was never held.
    return Range(since, max(clock.now(), since))


def flush() -> None:
    """Write; the exclusion constraint has the last word when two write at once."""
    try:
        db.session.flush()
    except IntegrityError as error:
        if "one_shift_at_a_time" in str(error.orig):
            raise StateError(
                "somebody else has just put this person on another shift at that time",
                field="practitioner",
            ) from error
        raise


def check_free(
    practitioner: str, starts: datetime, ends: datetime, *, besides: Collection[str] = ()
) -> None:
    """Refuse time in which somebody works another shift, and say which."""
    other = db.session.scalar(
        select(Shift)
        .where(
            Shift.practitioner == practitioner,
            Shift.during.overlaps(Range(starts, ends)),
            Shift.id.not_in(list(besides)),
        )
        .order_by(Shift.during)
        .limit(1)
    )
    if other is not None:
        raise RuleError(
            f"{name_of(practitioner)} works another shift at that time ({words_of(other)})",
            field="practitioner",
        )


def check_rested(
    practitioner: str, starts: datetime, ends: datetime, *, besides: Collection[str] = ()
) -> None:
    """Refuse work that leaves somebody less than the daily rest before or after another shift."""
    other = db.session.scalar(
        select(Shift)
        .where(
            Shift.practitioner == practitioner,
            Shift.kind == rota.WORK,
            Shift.during.overlaps(Range(starts - rota.REST, ends + rota.REST)),
            Shift.id.not_in(list(besides)),
        )
        .order_by(Shift.during)
        .limit(1)
    )
    if other is not None:
        hours = int(rota.REST.total_seconds() // 3600)
        raise RuleError(
            f"{name_of(practitioner)} would have less than {hours} hours of rest beside another"
            f" shift ({words_of(other)})",
            field="practitioner",
        )


def check_there(practitioner: str, starts: datetime, ends: datetime) -> None:
    """Refuse time in which somebody is away."""
    away = db.session.scalar(
        select(Absence.id)
        .where(Absence.practitioner == practitioner, Absence.during.overlaps(Range(starts, ends)))
        .limit(1)
    )
    if away is not None:
        raise RuleError(f"{name_of(practitioner)} is away at that time", field="practitioner")


def end_offers(shift_ids: Collection[str], *, note: str, besides: str = "") -> None:
    """Withdraw the open offers that any of these shifts is part of, and tell both sides."""
    ended = db.session.scalars(
        update(ShiftOffer)
        .where(
            ShiftOffer.status == "offered",
            ShiftOffer.id != besides,
            or_(
                ShiftOffer.shift_id.in_(list(shift_ids)),
                ShiftOffer.against_id.in_(list(shift_ids)),
            ),
        )
        .values(status="withdrawn", answered_at=clock.now())
        .returning(ShiftOffer)
    )
    for offer in ended.all():
        notices.tell(
            [offer.offered_by, offer.offered_to],
            kind="ShiftOffer",
            subject=f"ShiftOffer/{offer.id}",
            line=f"The offer of a shift between {name_of(offer.offered_by)} and"
            f" {name_of(offer.offered_to)} has ended: {note}.",
            key=f"shift-offer/{offer.id}/withdrawn",
        )


def staff(practitioner: str) -> StaffMember:
    """Return a member of staff by reference. Raises RuleError."""
    found = definitions.current().staff.get(practitioner.removeprefix("Practitioner/"))
    if found is None or not practitioner.startswith("Practitioner/"):
        raise RuleError(f"{practitioner} is not one of the hub's staff", field="practitioner")
    return found


def teams_of(practitioner: str) -> list[str]:
    found = definitions.current().staff.get(practitioner.removeprefix("Practitioner/"))
    return [f"CareTeam/{team}" for team in found.teams] if found else []


def name_of(practitioner: str) -> str:
    found = definitions.current().staff.get(practitioner.removeprefix("Practitioner/"))
    return found.name if found else practitioner.removeprefix("Practitioner/")


def words_of(shift: Shift) -> str:
    """Return a shift in words, in the hub's own time: "Mon 30 Nov 07:30 to 15:30"."""
    here = calendars.zone(definitions.current().time_zone)
    starts, ends = (each.astimezone(here) for each in bounds(shift))
    until = f"{ends:%H:%M}" if ends.date() == starts.date() else f"{ends:%a %H:%M}"
    return f"{starts:%a} {starts.day} {starts:%b} {starts:%H:%M} to {until}"


def may_plan(actor: Actor, team: str | None) -> bool:
    """Say whether somebody may change the rota of a team: its lead, duty manager or a planner."""
    if actor.kind is ActorKind.HUB:
        return True
    definition = definitions.current()
    if actor.kind is not ActorKind.PERSON or actor.practitioner is None:
        return False
    role = definition.roles.get(actor.role or "")
    if role is not None and role.kind in _PLANNERS:
        return True
    found = definition.teams.get((team or "").removeprefix("CareTeam/"))
    me = actor.practitioner.removeprefix("Practitioner/")
    return found is not None and me in {found.lead, found.duty_manager}


def may_plan_person(actor: Actor, practitioner: str) -> bool:
    """Say whether somebody may plan for a person: for any team of theirs."""
    return any(may_plan(actor, team) for team in teams_of(practitioner) or [""])


def check_may_plan(actor: Actor, team: str | None) -> None:
    if not may_plan(actor, team):
        raise NotPermittedError("only the lead of the team or a manager changes its rota")


def leads_of(practitioner: str) -> list[str]:
    """Return the leads of somebody's teams, themselves left out."""
    teams = definitions.current().teams
    codes = [each.removeprefix("CareTeam/") for each in teams_of(practitioner)]
    leads = {f"Practitioner/{teams[code].lead}" for code in codes if code in teams}
    return sorted(leads - {practitioner})


def duty_managers_of(practitioner: str) -> list[str]:
    """Return the duty managers of somebody's teams, themselves left out."""
    teams = definitions.current().teams
    codes = [each.removeprefix("CareTeam/") for each in teams_of(practitioner)]
    found = {f"Practitioner/{teams[code].duty_manager}" for code in codes if code in teams}
    return sorted(found - {practitioner})


def shifts_between(practitioner: str, starts: datetime, ends: datetime | None) -> list[Shift]:
    """Return somebody's shifts that touch the time given, the first one first."""
    found = db.session.scalars(
        select(Shift)
        .where(and_(Shift.practitioner == practitioner, Shift.during.overlaps(Range(starts, ends))))
        .order_by(Shift.during)
    )
    return list(found)
