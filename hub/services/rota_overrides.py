"""Changes of the rota by a lead: put a person on, take one off, replace one, extend a shift.

Each has a reason and an author, and what was before is kept. Work that somebody holds and that
falls due in the time they lost goes to others: at once where that time runs, else when it starts.
"""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import Range

from hub import clock, records
from hub.db import db
from hub.domain import rota
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import RuleError, StateError
from hub.domain.shift_fit import misfit
from hub.models.absence import Absence
from hub.models.assignment import Assignment
from hub.models.clock import TaskClock
from hub.models.shift import Shift
from hub.records.ids import new_id
from hub.services import definitions, notices, rota_changes, routing
from hub.services.rota_changes import bounds, name_of, words_of

LONGEST = timedelta(hours=25)
"""No shift is longer; a day with a clock change has 25 hours."""

_HUB = hub_actor("rota")


def put_on(
    actor: Actor,
    practitioner: str,
    *,
    team: str,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    kind: str = rota.WORK,
    service: str | None = None,
    areas: tuple[str, ...] = (),
    uid: str | None = None,
) -> Shift:
    """Put somebody on the rota of a team. ``team`` and ``service`` are references."""
    rota_changes.check_may_plan(actor, team)
    person = rota_changes.staff(practitioner)
    wanted = rota.Shift(
        staff=practitioner,
        team=team,
        starts_at=starts_at,
        ends_at=ends_at,
        role=person.role,
        kind=kind,
        service=service,
        areas=areas,
    )
    check_shift(wanted)
    _check_reason(reason)
    rota_changes.check_there(practitioner, starts_at, ends_at)
    made = Shift(
        id=new_id(),
        practitioner=practitioner,
        during=Range(starts_at, ends_at),
        role=person.role,
        team=team,
        service=service,
        place=(areas or person.areas or (None,))[0],
        areas=list(areas),
        kind=kind,
        minutes=person.capacity_minutes,
    )
    if uid is not None:
        made.uid = uid
    rota_changes.add(actor, made, cause="added", reason=reason)
    _told(actor, made, [practitioner], f"You are on the rota: {words_of(made)}. {reason}")
    return made


def take_off(actor: Actor, shift_id: str, *, reason: str) -> None:
    """Take somebody off a shift and leave nobody on it."""
    shift = _plannable(actor, shift_id, reason)
    rota_changes.remove(actor, shift, cause="taken-off", reason=reason)
    records.audit.record(actor, "rota-taken-off", shift.practitioner, {"reason": reason})
    _told(actor, shift, [shift.practitioner], f"You are off the rota: {words_of(shift)}. {reason}")
    lose_time(shift.practitioner, *bounds(shift), team=shift.team)


def replace(actor: Actor, shift_id: str, *, by: str, reason: str) -> Shift:
    """Let somebody else work a shift; they have its role and the skills that it needs."""
    shift = _plannable(actor, shift_id, reason)
    before = shift.practitioner
    person = rota_changes.staff(by)
    if by == before:
        raise RuleError(f"{person.name} works this shift already", field="by")
    why_not = misfit(person, rota_changes.as_rule(shift), definitions.current(), any_team=True)
    if why_not is not None:
        raise RuleError(why_not, field="by")
    rota_changes.check_there(by, *bounds(shift))
    rota_changes.change(
        actor,
        shift,
        cause="replaced",
        reason=reason,
        practitioner=by,
        minutes=person.capacity_minutes,
        areas=shift.areas or [],
    )
    _told(actor, shift, [before], f"{person.name} works your shift {words_of(shift)}. {reason}")
    _told(actor, shift, [by], f"You are on the rota: {words_of(shift)}. {reason}")
    lose_time(before, *bounds(shift), team=shift.team)
    return shift


def move(
    actor: Actor, shift_id: str, *, starts_at: datetime, ends_at: datetime, reason: str
) -> Shift:
    """Let a shift start or end at another time: extended, cut short or moved."""
    shift = _plannable(actor, shift_id, reason)
    was_from, was_to = bounds(shift)
    if (was_from, was_to) == (starts_at, ends_at):
        raise RuleError("the shift has these hours already", field="ends_at")
    longer = starts_at <= was_from and ends_at >= was_to
    check_hours(starts_at, ends_at)
    if starts_at < was_from or ends_at > was_to:
        # Only the time that is new: who is away in the rest of the shift is away already.
        if starts_at < was_from:
            rota_changes.check_there(shift.practitioner, starts_at, min(was_from, ends_at))
        if ends_at > was_to:
            rota_changes.check_there(shift.practitioner, max(was_to, starts_at), ends_at)
    rota_changes.change(
        actor,
        shift,
        cause="extended" if longer else "moved",
        reason=reason,
        during=Range(starts_at, ends_at),
    )
    _told(actor, shift, [shift.practitioner], f"Your shift is now {words_of(shift)}. {reason}")
    for lost_from, lost_to in (
        (was_from, min(starts_at, was_to)),
        (max(ends_at, was_from), was_to),
    ):
        if lost_from < lost_to:
            lose_time(shift.practitioner, lost_from, lost_to, team=shift.team)
    return shift


def check_team(shift_id: str, team: str) -> None:
    """Refuse a shift that is not on the rota of a team. Raises StateError."""
    if rota_changes.locked(shift_id).team != team:
        raise StateError(f"{shift_id} is not a shift of {team}", field="shift")


def check_shift(shift: rota.Shift) -> None:
    """Refuse codes that name nothing, and hours that no shift has. Raises RuleError."""
    definition = definitions.current()
    if shift.team.removeprefix("CareTeam/") not in definition.teams:
        raise RuleError(
            f"{shift.team} is not a team", field="team", allowed=sorted(definition.teams)
        )
    if shift.service is not None:
        service = definition.services.get(shift.service.removeprefix("HealthcareService/"))
        served = [
            each.code
            for each in definition.services.values()
            if f"CareTeam/{each.team}" == shift.team
        ]
        if service is None or service.code not in served:
            raise RuleError(
                f"{shift.service} is not a service of this team", field="service", allowed=served
            )
    for area in shift.areas:
        if area not in definition.areas:
            raise RuleError(
                f"{area} is not an area", field="areas", allowed=sorted(definition.areas)
            )
    check_hours(shift.starts_at, shift.ends_at)


def check_hours(starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at:
        raise RuleError("a shift ends after it starts", field="ends_at")
    if ends_at - starts_at > LONGEST:
        raise RuleError("a shift is not longer than a day", field="ends_at")


def lose_time(
    practitioner: str, starts_at: datetime, ends_at: datetime, *, team: str | None
) -> int:
    """Do what follows when somebody does not work in a time any more; return how many tasks moved.

    Time that lies ahead: the lead is told how much work is due in it, and an event moves at its
    start what is still with the person then.
    """
    now = clock.now()
    if ends_at <= now:
        return 0
    moved = rehome_lost(practitioner, starts_at, ends_at) if starts_at <= now else 0
    records.outbox.emit(
        "TimeLost",
        subject=practitioner,
        payload={"from": starts_at.isoformat(), "to": ends_at.isoformat()},
        # Routing that ran at the same moment still saw the shift: look once more after it.
        due_at=max(starts_at, now + timedelta(seconds=20)),
    )
    waiting = [] if starts_at <= now else _due_before(practitioner, ends_at)
    leads = _leads(practitioner, team)
    if waiting and leads:
        notices.tell(
            leads,
            kind="RotaChanged",
            subject=practitioner,
            line=f"{name_of(practitioner)} is off the rota and holds {len(waiting)} open"
            f" task{'s' if len(waiting) > 1 else ''} due by then; what is left is given to others"
            " when that time starts.",
            key=f"time-lost/{practitioner}/{starts_at.isoformat()}/{now.isoformat()}",
        )
    return moved


def rehome_lost(practitioner: str, starts_at: datetime, ends_at: datetime) -> int:
    """Give to others what somebody holds and what is due in time they lost; return how many.

    Nothing where the time does not run now, or where they are at work after all.
    """
    now = clock.now()
    if not starts_at <= now < ends_at or _is_at_work(practitioner, now):
        return 0
    moved = routing.route_many(
        _HUB, _due_before(practitioner, ends_at), cause="absence", displaced=practitioner
    )
    return len(moved)


def _due_before(practitioner: str, ends_at: datetime) -> list[str]:
    found = db.session.scalars(
        select(Assignment.task_id)
        .outerjoin(
            TaskClock,
            (TaskClock.task_id == Assignment.task_id) & TaskClock.stopped_at.is_(None),
        )
        .where(
            Assignment.owner == practitioner,
            Assignment.ends_at.is_(None),
            or_(TaskClock.due_at < ends_at, Assignment.urgent),
        )
    )
    return sorted(set(found))


def _is_at_work(practitioner: str, now: datetime) -> bool:
    working = db.session.scalar(
        select(Shift.id).where(Shift.practitioner == practitioner, Shift.during.contains(now))
    )
    away = db.session.scalar(
        select(Absence.id)
        .where(Absence.practitioner == practitioner, Absence.during.contains(now))
        .limit(1)
    )
    return working is not None and away is None


def _plannable(actor: Actor, shift_id: str, reason: str) -> Shift:
    shift = rota_changes.locked(shift_id)
    rota_changes.check_may_plan(actor, shift.team)
    _check_reason(reason)
    if bounds(shift)[1] <= clock.now():
        raise StateError("this shift is over: what was worked stays on record", field="shift")
    return shift


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise RuleError("say why the rota changes", field="reason")


def _leads(practitioner: str, team: str | None) -> list[str]:
    found = definitions.current().teams.get((team or "").removeprefix("CareTeam/"))
    leads = {f"Practitioner/{found.lead}"} if found else set(rota_changes.leads_of(practitioner))
    return sorted(leads - {practitioner})


def _told(actor: Actor, shift: Shift, who: list[str], line: str) -> None:
    notices.tell(
        [each for each in who if each != actor.practitioner],
        kind="RotaChanged",
        subject=f"Shift/{shift.id}",
        line=line,
        key=f"shift/{shift.id}/{shift.sequence}/{clock.now().isoformat()}",
    )
