"""The rota as FHIR: a Schedule a person, a Slot for each piece of a shift, PractitionerRole times.

They are managed records, kept in step by the event that each change of the rota emits and by a
sweep, so that search, history and subscriptions work on them as on any other record. Source:
https://hl7.org/fhir/R4/schedule.html, slot.html, practitionerrole.html.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import or_, select, text
from sqlalchemy.dialects.postgresql import Range

from fhir import jsontext, systems
from hub import clock, records
from hub.db import db
from hub.domain import calendars, rota
from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition
from hub.domain.rota_patterns import WEEKDAYS
from hub.models.absence import Absence
from hub.models.rota_history import RotaHistory
from hub.models.shift import Shift
from hub.records import instant
from hub.services import definitions, rota_changes

HORIZON = timedelta(weeks=4)
"""From the Monday of this week on: what the Schedule calls its planning horizon."""

PIECES = 9
"""Slots of one shift; what absences cut finer is one last Slot that cannot be booked."""

_HUB = hub_actor("rota")

Resource = dict[str, Any]


def publish(practitioners: Collection[str]) -> int:
    """Bring the records of these people in step with the rota; return how many were written.

    Slots that are over stay as they were: they say what was planned and worked.
    """
    definition = definitions.current()
    staff = sorted({each for each in practitioners if each.split("/")[-1] in definition.staff})
    if not staff:
        return 0
    # One at a time: two that see different states must not write them in the other order.
    db.session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('rota-records', 0))"))
    now = clock.now()
    first = week_start(now, definition)
    end = first + HORIZON
    touched = _shift_ids(staff, now, end)
    shifts = db.session.scalars(
        select(Shift)
        .where(or_(Shift.id.in_(touched), Shift.practitioner.in_(staff)))
        .where(Shift.during.overlaps(Range(first, end)))
        .order_by(Shift.practitioner, Shift.during)
    ).all()
    people = {*staff, *(each.practitioner for each in shifts)}
    absences = _absences(people, first, end)
    wanted = [_schedule(each, first, end, definition) for each in staff]
    for shift in shifts:
        if rota_changes.bounds(shift)[1] > now:
            wanted.extend(_slots(shift, absences, definition))
    slots_known = [f"{each}{_piece(number)}" for each in touched for number in range(PIECES)]
    written = _write("Schedule", wanted, [each.split("/")[1] for each in staff])
    written += _write("Slot", wanted, slots_known)
    return written + _roles(staff, shifts, absences, first, definition)


def week_start(now: datetime, definition: HubDefinition) -> datetime:
    """Return the first instant of the local week that runs, in UTC."""
    here = calendars.zone(definition.time_zone)
    today = now.astimezone(here).date()
    return _midnight(today - timedelta(days=today.weekday()), definition)


def hours_of_week(
    shifts: Iterable[rota.Shift], monday: date, time_zone: str
) -> list[dict[str, Any]]:
    """Return ``availableTime`` of a local week: its work, by weekday of the start, local hours.

    A shift whose end is not after its start runs past midnight. On-call time is not in it.
    """
    here = calendars.zone(time_zone)
    days: dict[tuple[str, str], list[str]] = {}
    for shift in sorted(shifts, key=lambda each: each.starts_at):
        starts, ends = shift.starts_at.astimezone(here), shift.ends_at.astimezone(here)
        if shift.kind != rota.WORK or not monday <= starts.date() < monday + timedelta(days=7):
            continue
        hours = (starts.time().isoformat(), ends.time().isoformat())
        day = WEEKDAYS[starts.weekday()]
        if day not in days.setdefault(hours, []):
            days[hours].append(day)
    return [
        {"daysOfWeek": found, "availableStartTime": hours[0], "availableEndTime": hours[1]}
        for hours, found in sorted(days.items())
    ]


def _shift_ids(staff: list[str], now: datetime, end: datetime) -> list[str]:
    """Return the shifts that these people have, or had before a change, from now on."""
    span = Range(now, end)
    stands = select(Shift.id).where(Shift.practitioner.in_(staff), Shift.during.overlaps(span))
    stood = select(RotaHistory.row_id).where(
        RotaHistory.kind == "shift",
        RotaHistory.practitioner.in_(staff),
        RotaHistory.during.overlaps(span),
    )
    return sorted({*db.session.scalars(stands), *db.session.scalars(stood)})


def _absences(people: Collection[str], first: datetime, end: datetime) -> list[rota.Absence]:
    found = db.session.scalars(
        select(Absence)
        .where(Absence.practitioner.in_(people), Absence.during.overlaps(Range(first, end)))
        .order_by(Absence.practitioner, Absence.during)
    )
    return [
        rota.Absence(each.practitioner, each.during.lower, each.during.upper, each.reason)
        for each in found
        if each.during.lower is not None
    ]


def _schedule(
    practitioner: str, first: datetime, end: datetime, definition: HubDefinition
) -> Resource:
    username = practitioner.split("/")[1]
    person = definition.staff[username]
    return {
        "resourceType": "Schedule",
        "id": username,
        "active": True,
        "actor": [
            {"reference": practitioner, "display": person.name},
            {"reference": f"PractitionerRole/{username}"},
        ],
        "planningHorizon": {"start": instant(first), "end": instant(end)},
    }


def _slots(
    shift: Shift, absences: Iterable[rota.Absence], definition: HubDefinition
) -> Iterable[Resource]:
    pieces = list(rota.attended(rota_changes.as_rule(shift), absences))
    if len(pieces) > PIECES:
        pieces[PIECES - 1 :] = [(pieces[PIECES - 1][0], pieces[-1][1], False)]
    services = [
        each
        for each in definition.services.values()
        if f"CareTeam/{each.team}" == shift.team
        and shift.service in (None, f"HealthcareService/{each.code}")
    ]
    for number, (starts, ends, there) in enumerate(pieces):
        made: Resource = {
            "resourceType": "Slot",
            "id": f"{shift.id}{_piece(number)}",
            "identifier": [{"system": SHIFT_UID, "value": shift.uid}],
            "serviceCategory": [{"coding": [{"system": SHIFT_KIND, "code": shift.kind}]}],
        }
        if services:
            made["serviceType"] = [
                {"coding": [{"system": systems.SERVICE, "code": each.code, "display": each.name}]}
                for each in services
            ]
        made |= {
            "schedule": {"reference": f"Schedule/{shift.practitioner.split('/')[1]}"},
            "status": "free" if there else "busy-unavailable",
            "start": instant(starts),
            "end": instant(ends),
        }
        yield made


SHIFT_UID = f"{systems.CAREHUB}/Id/shift"
SHIFT_KIND = f"{systems.CAREHUB}/CodeSystem/shift-kind"


def _piece(number: int) -> str:
    return f".{number + 1}" if number else ""


def _write(kind: str, wanted: Iterable[Resource], known: Collection[str]) -> int:
    """Create, update and delete until the records of one type are what is wanted."""
    by_id = {each["id"]: each for each in wanted if each["resourceType"] == kind}
    table = records.table(kind)
    stored = {
        row.id: row
        for row in db.session.execute(
            select(table.c.id, table.c.deleted, table.c.managed, table.c.content).where(
                table.c.id.in_({*known, *by_id})
            )
        )
    }
    new = [
        records.new_version(_HUB, each, id=id_, managed=True)
        for id_, each in by_id.items()
        if id_ not in stored
    ]
    records.insert_many(_HUB, new)
    written = len(new)
    for id_, row in sorted(stored.items()):
        # A record of others' under the same name is theirs.
        if not row.managed:
            continue
        if id_ not in by_id:
            if not row.deleted:
                records.delete(_HUB, kind, id_)
                written += 1
        elif row.deleted or _without_meta(row.content) != by_id[id_]:
            records.update(_HUB, by_id[id_], type=kind, id=id_)
            written += 1
    return written


def _roles(
    staff: Iterable[str],
    shifts: Collection[Shift],
    absences: Collection[rota.Absence],
    first: datetime,
    definition: HubDefinition,
) -> int:
    """Write when each person is there this week, and when they are away."""
    monday = first.astimezone(calendars.zone(definition.time_zone)).date()
    now = clock.now()
    found = records.read_many(_HUB, [f"PractitionerRole/{each.split('/')[1]}" for each in staff])
    written = 0
    for practitioner in staff:
        record = found.get(f"PractitionerRole/{practitioner.split('/')[1]}")
        if record is None or not record.managed:
            continue
        mine = [rota_changes.as_rule(each) for each in shifts if each.practitioner == practitioner]
        times = {
            "availableTime": hours_of_week(mine, monday, definition.time_zone),
            "notAvailable": [
                _not_available(each)
                for each in absences
                if each.staff == practitioner and (each.ends_at is None or each.ends_at > now)
            ],
            "availabilityExceptions": f"Hours of the week from {monday.isoformat()}, local time;"
            f" Slots of {practitioner.replace('Practitioner', 'Schedule')} give every shift.",
        }
        before = record.resource
        after = {key: value for key, value in before.items() if key not in TIMES} | {
            key: value for key, value in times.items() if value
        }
        if after != before:
            records.update(
                _HUB, after, type="PractitionerRole", id=record.id, if_match=record.version
            )
            written += 1
    return written


TIMES = ("availableTime", "notAvailable", "availabilityExceptions")
"""Elements of a PractitionerRole that follow from the rota, not from the hub definition."""


def _not_available(absence: rota.Absence) -> Resource:
    # Why somebody is away is theirs: the record says only that they are.
    during = {"start": instant(absence.starts_at)}
    if absence.ends_at is not None:
        during["end"] = instant(absence.ends_at)
    return {"description": "Away", "during": during}


def _without_meta(content: str) -> Resource:
    return {name: value for name, value in jsontext.loads(content).items() if name != "meta"}


def _midnight(day: date, definition: HubDefinition) -> datetime:
    here = calendars.zone(definition.time_zone)
    return datetime.combine(day, time(), here).astimezone(UTC)
