"""The rota: shifts made from patterns, absences that move all open work at once."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range

from hub import clock, records
from hub.db import db, driver
from hub.domain import calendars, rota, rota_patterns
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.models.absence import Absence
from hub.models.assignment import Assignment
from hub.models.shift import Shift
from hub.records.ids import new_id
from hub.services import definitions, deputies, rota_changes, routing, vacancies
from hub.services.rota_changes import Touched

REASONS = ("sickness", "leave", "training", "other")

LOOK_AGAIN = timedelta(seconds=20)
"""Longer than any routing transaction takes: what one gave to somebody absent is found then."""

_HUB = hub_actor("rota")

_PLANNERS = frozenset({"management", "administration", "coordination"})
"""Kinds of role that may report anybody's absence; everybody may report their own."""


def plan_shifts(first: date, last: date) -> int:
    """Make the shifts of the hub definition's patterns for the days given; existing ones stay.

    What was changed, swapped or called off by somebody is not made again. Returns how many were
    made.
    """
    return add_shifts(rota_patterns.planned(definitions.current(), first, last))


def add_shifts(shifts: Iterable[rota.Shift], *, pattern: str | None = None) -> int:
    """Write planned shifts; one that would overlap another of the same person is left out.

    A planned shift is named by its person and the local day on which it starts.
    """
    definition = definitions.current()
    home = calendars.zone(definition.time_zone)
    rows = []
    for shift in shifts:
        username = shift.staff.removeprefix("Practitioner/")
        person = definition.staff.get(username)
        rows.append(
            (
                new_id(),
                f"{username}-{shift.starts_at.astimezone(home).date().isoformat()}",
                shift.staff,
                shift.starts_at,
                shift.ends_at,
                shift.role or (person.role if person else ""),
                shift.team,
                shift.service,
                shift.place,
                "{" + ",".join(shift.areas) + "}",
                shift.kind,
                person.capacity_minutes if person else 0,
                pattern or (person.rota if person else None),
            )
        )
    if not rows:
        return 0
    # The exclusion constraint is the judge: asked twice, the second shift is the same one.
    with driver() as connection:
        made = connection.execute(
            "INSERT INTO shift (id, uid, practitioner, during, role, team, service, place, areas,"
            " kind, minutes, pattern, known_from)"
            " SELECT id, uid, who, tstzrange(starts, ends), role, team, service, place,"
            " areas::text[], kind, minutes, pattern, %s"
            " FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[],"
            " %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],"
            " %s::text[], %s::int[], %s::text[])"
            " AS s(id, uid, who, starts, ends, role, team, service, place, areas, kind, minutes,"
            " pattern)"
            " WHERE NOT EXISTS (SELECT 1 FROM rota_history h WHERE h.uid = s.uid)"
            " ON CONFLICT DO NOTHING"
            " RETURNING practitioner, team, lower(during), upper(during)",
            [clock.now(), *(list(column) for column in zip(*rows, strict=True))],
        ).fetchall()
    rota_changes.announce(Touched(*each) for each in made)
    return len(made)


def around(start: datetime, end: datetime) -> rota.Rota:
    """Return shifts and absences that touch the time given, as the rules see them."""
    span = Range(start, end, bounds="[]")
    shifts = db.session.execute(
        select(
            Shift.practitioner,
            Shift.team,
            Shift.during,
            Shift.role,
            Shift.place,
            Shift.kind,
            Shift.service,
            Shift.areas,
        )
        .where(Shift.during.overlaps(span))
        .order_by(Shift.practitioner, func.lower(Shift.during))
    )
    absences = db.session.execute(
        select(Absence.practitioner, Absence.during, Absence.reason)
        .where(Absence.during.overlaps(span))
        .order_by(Absence.practitioner, func.lower(Absence.during))
    )
    return rota.Rota(
        shifts=tuple(
            rota.Shift(
                who,
                team or "",
                during.lower,
                during.upper,
                role,
                place,
                kind,
                service,
                tuple(areas),
            )
            for who, team, during, role, place, kind, service, areas in shifts
            if during.lower is not None and during.upper is not None
        ),
        absences=tuple(
            rota.Absence(who, during.lower, during.upper, reason)
            for who, during, reason in absences
            if during.lower is not None
        ),
    )


def report_absence(
    actor: Actor,
    practitioner: str,
    *,
    starts_at: datetime,
    ends_at: datetime | None,
    reason: str,
) -> Absence:
    """Record an absence and re-home all open tasks of the person in one transaction.

    One that lies ahead moves the tasks at its start, by an event that is due then. Absences may
    overlap (sickness while on leave); the same one reported twice is one.
    """
    check_absence(starts_at, ends_at, reason)
    check_may_report(actor, practitioner)
    known = db.session.scalar(
        select(Absence).where(
            Absence.practitioner == practitioner,
            Absence.reason == reason,
            Absence.during == Range(starts_at, ends_at),
        )
    )
    if known is not None:
        return known
    now = clock.now()
    absence = Absence(
        id=new_id(),
        practitioner=practitioner,
        during=Range(starts_at, ends_at),
        reason=reason,
        reported_by=actor.id,
        reported_at=now,
        known_from=now,
        moved=0,
    )
    db.session.add(absence)
    db.session.flush()
    records.audit.record(actor, "absence-reported", practitioner, {"reason": reason})
    follow(absence)
    return absence


def follow(absence: Absence) -> None:
    """Do what follows from an absence as it stands: move the work, now or when it starts."""
    starts_at, now = absence.during.lower, clock.now()
    assert starts_at is not None
    rota_changes.announce([Touched(absence.practitioner, None, starts_at, absence.during.upper)])
    if starts_at <= now:
        rehome(absence)
    # Routing that ran at the same moment has not seen this absence: look once more after it.
    records.outbox.emit(
        "AbsenceReported",
        subject=absence.practitioner,
        payload={"absence": absence.id},
        due_at=max(starts_at, now + LOOK_AGAIN),
    )


def rehome(absence: Absence) -> int:
    """Move every open task of an absent person; return how many moved.

    None where they are not away at this instant: the absence was moved, or has ended since.
    """
    if not absence.during.contains(clock.now()):
        return 0
    open_tasks = db.session.execute(
        select(Assignment.task_id).where(
            Assignment.owner == absence.practitioner, Assignment.ends_at.is_(None)
        )
    )
    moved = routing.route_many(
        _HUB, list(open_tasks.scalars()), cause="absence", displaced=absence.practitioner
    )
    absence.moved += len(moved)
    db.session.flush()
    deputies.begin(absence)
    vacancies.open_tasks_after(_HUB, absence.practitioner)
    return len(moved)


def absence(absence_id: str) -> Absence | None:
    return db.session.get(Absence, absence_id)


def check_absence(starts_at: datetime, ends_at: datetime | None, reason: str) -> None:
    if reason not in REASONS:
        raise RuleError(f"{reason} is not a reason for absence", field="reason", allowed=REASONS)
    if ends_at is not None and ends_at <= starts_at:
        raise RuleError("an absence ends after it starts", field="ends_at")


def check_may_report(actor: Actor, practitioner: str) -> None:
    if actor.kind is ActorKind.HUB or actor.practitioner == practitioner:
        return
    role = definitions.current().roles.get(actor.role or "")
    if actor.kind is ActorKind.PERSON and role is not None and role.kind in _PLANNERS:
        return
    if rota_changes.may_plan_person(actor, practitioner):
        return
    raise NotPermittedError("only the person, their lead or a manager reports an absence")
