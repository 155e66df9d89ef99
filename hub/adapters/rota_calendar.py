"""The rota as iCalendar (RFC 5545): shifts as events, with stable UIDs; events as entries.

Who works is ``X-CAREHUB-STAFF``, else the ATTENDEE whose address begins with the username; the
team is ``X-CAREHUB-TEAM``, else the one that the import is for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rruleset, rrulestr
from icalendar import Calendar, Event, vRecur

from hub.domain.rota import KINDS, WORK
from hub.domain.rota_exchange import Entry, Fault, Standing

HORIZON = timedelta(days=370)
"""A rule of repetition is expanded this far from now: a year and a little."""

MOST = 2_000
"""Instances of one rule. A rule that makes more is a mistake, and is refused as one."""

_PRODUCT = "-//Carehub//Rota//EN"


def write(
    shifts: Iterable[Standing],
    called_off: Iterable[Standing],
    *,
    names: Mapping[str, str],
    now: datetime,
    time_zone: str,
) -> bytes:
    """Return a calendar of the shifts; those called off are in it as cancelled.

    ``names`` has usernames and team codes. Times are local with TZID and the zone is in the file.
    """
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-timezone", time_zone)
    here = ZoneInfo(time_zone)
    days: list[date] = []
    for each, cancelled in [*((s, False) for s in shifts), *((s, True) for s in called_off)]:
        event = Event()
        event.add("uid", each.uid)
        event.add("sequence", each.sequence)
        event.add("dtstamp", now.astimezone(UTC))
        event.add("dtstart", each.starts_at.astimezone(here))
        event.add("dtend", each.ends_at.astimezone(here))
        team = names.get(each.team, each.team)
        on_call = "" if each.kind == WORK else " (on call)"
        event.add("summary", f"{names.get(each.username, each.username)}, {team}{on_call}")
        event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
        event.add("categories", [each.kind])
        event.add("x-carehub-staff", each.username)
        event.add("x-carehub-team", each.team)
        event.add("x-carehub-kind", each.kind)
        if each.service:
            event.add("x-carehub-service", each.service)
        if each.areas:
            event.add("x-carehub-areas", " ".join(each.areas))
        calendar.add_component(event)
        days += [each.starts_at.date(), each.ends_at.date()]
    if days:
        calendar.add_missing_timezones(
            first_date=date(min(days).year, 1, 1), last_date=date(max(days).year + 1, 1, 1)
        )
    return bytes(calendar.to_ical())


def read(
    content: bytes, *, team: str, now: datetime, time_zone: str
) -> tuple[list[Entry], list[Fault]]:
    """Return the shifts of a calendar, rules expanded, and everything that is wrong with it."""
    try:
        calendar = Calendar.from_ical(content)
    except (ValueError, UnicodeDecodeError) as error:
        return [], [Fault("the file", "VCALENDAR", f"is not iCalendar: {error}"[:300])]
    entries: dict[str, Entry] = {}
    faults: list[Fault] = []
    events = list(calendar.walk("VEVENT"))
    if not events:
        faults.append(Fault("the file", "VEVENT", "has no event"))
    # The series first: an event with RECURRENCE-ID stands for one of its instances.
    for event in sorted(events, key=lambda each: "recurrence-id" in each):
        try:
            for entry in _entries(event, team, now, ZoneInfo(time_zone)):
                if entry.uid in entries and "recurrence-id" not in event:
                    other = entries[entry.uid].where
                    faults.append(Fault(_where(event), "UID", f"is that of {other} too"))
                entries[entry.uid] = entry
        except _WrongError as wrong:
            faults.append(Fault(_where(event), wrong.field, wrong.text))
    return list(entries.values()), faults


class _WrongError(Exception):
    def __init__(self, field: str, text: str) -> None:
        self.field, self.text = field, text
        super().__init__(text)


def _where(event: Any) -> str:
    return f"event {event.get('uid', 'without UID')}"


def _entries(event: Any, team: str, now: datetime, here: ZoneInfo) -> Iterator[Entry]:
    for name, text in event.errors:
        raise _WrongError(str(name), str(text))
    uid = str(event.get("uid", ""))
    if not uid:
        raise _WrongError("UID", "is missing: without it a second import would double the shift")
    starts = _moment(event, "DTSTART", here)
    if starts is None:
        raise _WrongError("DTSTART", "is missing")
    ends = _moment(event, "DTEND", here)
    if ends is None:
        if "duration" not in event:
            raise _WrongError("DTEND", "is missing, and there is no DURATION")
        ends = starts + event["duration"].dt
    lasts = ends.astimezone(UTC) - starts.astimezone(UTC)
    if lasts <= timedelta(0):
        raise _WrongError("DTEND", "is not after DTSTART")
    kind = _text(event, "x-carehub-kind") or WORK
    if kind not in KINDS:
        raise _WrongError("X-CAREHUB-KIND", f"is {kind}; allowed: {', '.join(KINDS)}")
    areas = tuple((_text(event, "x-carehub-areas") or "").replace(",", " ").split())
    cancelled = str(event.get("status", "")).upper() == "CANCELLED"
    common: dict[str, Any] = {
        "where": _where(event),
        "sequence": int(event["sequence"]) if "sequence" in event else None,
        "username": _person(event),
        "team": (_text(event, "x-carehub-team") or team).removeprefix("CareTeam/"),
        "kind": kind,
        "service": _text(event, "x-carehub-service"),
        "areas": areas,
        "cancelled": cancelled,
    }
    if "recurrence-id" in event:
        instance = _moment(event, "RECURRENCE-ID", here)
        assert instance is not None
        yield Entry(uid=_instance_uid(uid, instance), starts_at=starts, ends_at=ends, **common)
    elif "rrule" in event or "rdate" in event:
        for begins in _instances(event, starts, now, here):
            # The exact length of the first applies to all: RFC 5545, 3.8.5.3.
            end = (begins.astimezone(UTC) + lasts).astimezone(here)
            yield Entry(uid=_instance_uid(uid, begins), starts_at=begins, ends_at=end, **common)
    else:
        yield Entry(uid=uid, starts_at=starts, ends_at=ends, **common)


def _instances(event: Any, starts: datetime, now: datetime, here: ZoneInfo) -> list[datetime]:
    """Expand a rule by the wall clock of its own zone, from today to the horizon."""
    zone = starts.tzinfo
    rules = rruleset()
    wall = starts.replace(tzinfo=None)
    for rule in _listed(event.get("rrule")):
        rules.rrule(_rule(rule, wall, zone))
    for name, take in (("rdate", rules.rdate), ("exdate", rules.exdate)):
        for dates in _listed(event.get(name)):
            for each in dates.dts:
                if not isinstance(each.dt, datetime):
                    raise _WrongError(name.upper(), "is a date or a period: give date-times")
                take(_aware(each.dt, here).astimezone(zone).replace(tzinfo=None))
    if "rrule" not in event:
        rules.rdate(wall)
    limit = (now + HORIZON).astimezone(zone).replace(tzinfo=None)
    first = (now - timedelta(days=1)).astimezone(zone).replace(tzinfo=None)
    found: list[datetime] = []
    for each in rules.xafter(first, inc=True):
        if each > limit:
            break
        found.append(each.replace(tzinfo=zone))
        if len(found) > MOST:
            raise _WrongError("RRULE", f"makes more than {MOST} shifts")
    return found


def _rule(rule: vRecur, wall: datetime, zone: Any) -> Any:
    freq = [str(each).upper() for each in rule.get("FREQ", [])]
    if freq not in (["DAILY"], ["WEEKLY"], ["MONTHLY"], ["YEARLY"]):
        raise _WrongError("RRULE", "repeats by day, week, month or year: FREQ says how")
    written = dict(rule)
    until = [
        _aware(each, zone).astimezone(zone).replace(tzinfo=None)
        if isinstance(each, datetime)
        else datetime.combine(each, datetime.max.time().replace(microsecond=0))
        for each in rule.get("UNTIL", [])
    ]
    if until:
        written["UNTIL"] = until
    try:
        return rrulestr(_text_of(vRecur(written)), dtstart=wall)
    except (ValueError, TypeError) as error:
        raise _WrongError("RRULE", f"cannot be read: {error}"[:200]) from error


def _text_of(rule: Any) -> str:
    written: bytes = rule.to_ical()
    return written.decode()


def _instance_uid(uid: str, starts: datetime) -> str:
    return f"{uid}#{starts.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _moment(event: Any, name: str, here: ZoneInfo) -> datetime | None:
    said = event.get(name)
    if said is None:
        return None
    if isinstance(said, list):
        raise _WrongError(name, "is there twice")
    if not isinstance(said.dt, datetime):
        raise _WrongError(name, "is a day: a shift has hours")
    zone = said.params.get("TZID")
    if said.dt.tzinfo is None and zone is not None:
        raise _WrongError(name, f"is in the time zone {zone}, which is not known")
    return _aware(said.dt, here)


def _aware(moment: datetime, here: Any) -> datetime:
    """Return the moment with its zone; floating time is the hub's."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=here)


def _person(event: Any) -> str:
    named = _text(event, "x-carehub-staff")
    if named:
        return named.removeprefix("Practitioner/")
    attendees = _listed(event.get("attendee"))
    if len(attendees) != 1:
        raise _WrongError("ATTENDEE", f"names {len(attendees)} people: a shift is one person's")
    address = str(attendees[0])
    return address.lower().removeprefix("mailto:").partition("@")[0]


def _text(event: Any, name: str) -> str | None:
    found = event.get(name)
    return str(found).strip() or None if found is not None else None


def _listed(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list) else [value]
