"""Import and export of the rota: what a file says, once, and nothing of a file with a fault."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from icalendar import Calendar

from hub.domain.definition import HubDefinition
from hub.domain.errors import NotPermittedError
from hub.domain.rota_exchange import Act
from hub.services import rota_exchange, rota_overrides
from hub.services.rota_exchange import ImportFaultError, Preview
from hub.transaction import transaction
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.duty_roster import (
    ASHA,
    BERNARD,
    GARETH,
    LUCY,
    Staff,
    at,
    events,
    shift_of,
    shifts_of,
)

MONDAY, SATURDAY = date(2026, 12, 28), date(2027, 1, 2)
FAR = date(2027, 3, 27)
TEAM = "district-nursing-west"


@pytest.fixture(autouse=True)
def time(app: Flask, tmp_path: Path) -> Clockwork:
    return Clockwork(tmp_path)


def event(uid: str, starts: str, ends: str, *more: str, who: str = "gareth-price") -> str:
    lines = [
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTART{starts}",
        f"DTEND{ends}",
        f"ATTENDEE;CN=Somebody:mailto:{who}@example.org",
        *more,
        "END:VEVENT",
    ]
    return "\r\n".join(lines)


def calendar(*events: str) -> bytes:
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Roster//EN\r\n"
    return (head + "\r\n".join(events) + "\r\nEND:VCALENDAR\r\n").encode()


def take(staff: Staff, content: bytes, form: str = "ics", who: str = "asha-nurse") -> Preview:
    with transaction():
        return rota_exchange.apply(staff(who), content, form, team=TEAM, reason="from the roster")


def faults(staff: Staff, content: bytes, form: str = "ics") -> list[tuple[str, str, str]]:
    with transaction():
        found = rota_exchange.preview(staff("asha-nurse"), content, form, team=TEAM)
    return [(each.where, each.field, each.text) for each in found.faults]


SATURDAY_EVENT = event(
    "a@roster", ";TZID=Europe/London:20270102T080000", ";TZID=Europe/London:20270102T120000"
)


def test_an_event_is_a_shift_and_the_same_file_again_is_nothing(
    definition: HubDefinition, staff: Staff
) -> None:
    assert take(staff, calendar(SATURDAY_EVENT)).count(Act.ADD) == 1
    shift = shift_of(GARETH, SATURDAY)
    assert (shift.uid, shift.cause, shift.reason) == ("a@roster", "imported", "from the roster")
    assert shift.during.lower == at(SATURDAY, 8)

    before = len(events("RotaChanged"))
    assert take(staff, calendar(SATURDAY_EVENT)).count(Act.SAME) == 1
    assert len(events("RotaChanged")) == before
    assert shift_of(GARETH, SATURDAY).sequence == 0


def test_a_newer_state_changes_and_an_older_one_does_not(
    definition: HubDefinition, staff: Staff
) -> None:
    later = SATURDAY_EVENT.replace("120000", "140000") + ""
    newer = later.replace("END:VEVENT", "SEQUENCE:3\r\nEND:VEVENT")
    take(staff, calendar(SATURDAY_EVENT))
    assert take(staff, calendar(newer)).count(Act.CHANGE) == 1
    shift = shift_of(GARETH, SATURDAY)
    assert (shift.during.upper, shift.sequence) == (at(SATURDAY, 14), 3)
    old = SATURDAY_EVENT.replace("END:VEVENT", "SEQUENCE:2\r\nEND:VEVENT")
    assert take(staff, calendar(old)).count(Act.OLDER) == 1
    assert shift_of(GARETH, SATURDAY).during.upper == at(SATURDAY, 14)


def test_a_cancelled_event_takes_the_shift_off_and_it_stays_off(
    definition: HubDefinition, staff: Staff
) -> None:
    first = SATURDAY_EVENT.replace("END:VEVENT", "SEQUENCE:1\r\nEND:VEVENT")
    gone = SATURDAY_EVENT.replace("END:VEVENT", "SEQUENCE:2\r\nSTATUS:CANCELLED\r\nEND:VEVENT")
    take(staff, calendar(first))
    assert take(staff, calendar(gone)).count(Act.CANCEL) == 1
    assert take(staff, calendar(gone)).count(Act.SAME) == 1
    assert take(staff, calendar(first)).count(Act.OLDER) == 1
    with pytest.raises(LookupError):
        shift_of(GARETH, SATURDAY)


def test_a_rule_is_expanded_by_the_wall_clock_within_the_horizon(
    definition: HubDefinition, staff: Staff
) -> None:
    """Saturdays at eight, over the clock change, without the one left out; one is moved."""
    series = event(
        "s@roster",
        ";TZID=Europe/London:20270320T080000",
        ";TZID=Europe/London:20270320T120000",
        "RRULE:FREQ=WEEKLY;UNTIL=20270410T070000Z",
        "EXDATE;TZID=Europe/London:20270327T080000",
        who="bernard-nurse",
    )
    moved = event(
        "s@roster",
        ";TZID=Europe/London:20270403T090000",
        ";TZID=Europe/London:20270403T130000",
        "RECURRENCE-ID;TZID=Europe/London:20270403T080000",
        who="bernard-nurse",
    )
    take(staff, calendar(series, moved))
    starts = [s.during.lower for s in shifts_of(BERNARD) if s.cause == "imported"]
    assert starts == [
        datetime(2027, 3, 20, 8, tzinfo=UTC),
        datetime(2027, 4, 3, 8, tzinfo=UTC),
        datetime(2027, 4, 10, 7, tzinfo=UTC),
    ]
    assert take(staff, calendar(series, moved)).count(Act.SAME) == 3


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"hello", ("the file", "VCALENDAR", "is not iCalendar")),
        (calendar(SATURDAY_EVENT.replace("UID:a@roster\r\n", "")), ("event", "UID", "is missing")),
        (
            calendar(SATURDAY_EVENT.replace("Europe/London:20270102T08", "Mars/Base:20270102T08")),
            ("event a@roster", "DTSTART", "time zone Mars/Base"),
        ),
        (
            calendar(event("d@r", ";VALUE=DATE:20270102", ";VALUE=DATE:20270103")),
            ("event d@r", "DTSTART", "a shift has hours"),
        ),
        (
            calendar(SATURDAY_EVENT.replace("gareth-price", "nobody")),
            ("event a@roster", "person", "nobody is not one of the staff"),
        ),
        (
            calendar(SATURDAY_EVENT.replace("120000", "070000")),
            ("event a@roster", "DTEND", "not after"),
        ),
        (
            calendar(SATURDAY_EVENT.replace("END:VEVENT", "RRULE:FREQ=SECONDLY\r\nEND:VEVENT")),
            ("event a@roster", "RRULE", "day, week, month or year"),
        ),
        (calendar(SATURDAY_EVENT, SATURDAY_EVENT), ("event a@roster", "UID", "too")),
        (
            calendar(SATURDAY_EVENT, SATURDAY_EVENT.replace("a@roster", "b@roster")),
            ("event b@roster", "starts", "Gareth Price works from"),
        ),
        (
            calendar(SATURDAY_EVENT.replace("20270102", "20261228").replace("12:", "14:")),
            ("event a@roster", "starts", "too"),
        ),
    ],
)
def test_a_fault_names_the_event_and_the_property_and_nothing_is_written(
    definition: HubDefinition, staff: Staff, content: bytes, expected: tuple[str, str, str]
) -> None:
    where, field, text = expected
    before = [s.id for s in shifts_of(GARETH)]
    if field == "starts" and b"20261228" in content:
        content = content.replace(b"T120000", b"T180000")
    found = faults(staff, content)
    assert [(f, True) for w, f, t in found if w.startswith(where) and text in t] == [(field, True)]
    good = event("ok@r", ":20270103T080000Z", ":20270103T100000Z", who="lucy-hart")
    mixed = content.replace(b"END:VCALENDAR", f"{good}\r\nEND:VCALENDAR".encode())
    with pytest.raises(ImportFaultError):
        take(staff, mixed)
    assert [s.id for s in shifts_of(GARETH)] == before
    assert not [s for s in shifts_of(LUCY) if s.uid == "ok@r"]


def test_what_is_exported_and_imported_again_changes_nothing(
    definition: HubDefinition, staff: Staff
) -> None:
    with transaction():
        rota_overrides.take_off(staff("asha-nurse"), shift_of(LUCY, MONDAY).id, reason="closed")
    for form in ("ics", "csv"):
        content = rota_exchange.export(
            form, start=at(MONDAY, 0), end=at(MONDAY, 0) + timedelta(days=28), team=TEAM
        )
        found = take(staff, content, form)
        assert {each.act for each in found.lines} == {Act.SAME}
        assert len(found.lines) > 40


def test_the_calendar_has_its_time_zone_and_says_what_was_called_off(
    definition: HubDefinition, staff: Staff
) -> None:
    shift = shift_of(LUCY, MONDAY)
    uid = shift.uid
    with transaction():
        rota_overrides.take_off(staff("asha-nurse"), shift.id, reason="closed")
    content = rota_exchange.export("ics", start=at(MONDAY, 0), end=at(MONDAY, 23), team=TEAM)
    parsed = Calendar.from_ical(content)
    by_uid: dict[str, Any] = {str(each["uid"]): each for each in parsed.walk("VEVENT")}
    assert str(by_uid[uid]["status"]) == "CANCELLED"
    assert int(by_uid[uid]["sequence"]) == 1
    asha = by_uid["asha-nurse-2026-12-28"]
    assert (str(asha["status"]), asha["dtstart"].params["TZID"]) == ("CONFIRMED", "Europe/London")
    assert asha["dtstart"].dt == at(MONDAY, 7, 30)
    assert str(asha["summary"]) == "Asha Patel, District nursing west"
    assert [str(zone["tzid"]) for zone in parsed.walk("VTIMEZONE")] == ["Europe/London"]


def table(*rows: str) -> bytes:
    return ("person,starts,ends,kind,status\n" + "\n".join(rows) + "\n").encode()


def test_a_table_is_read_by_the_names_of_its_columns(
    definition: HubDefinition, staff: Staff
) -> None:
    content = "Ends;Person;Starts\r\n2027-01-02 12:00;gareth-price;2027-01-02 08:00\r\n"
    assert take(staff, b"\xef\xbb\xbf" + content.encode(), "csv").count(Act.ADD) == 1
    assert shift_of(GARETH, SATURDAY).during.upper == at(SATURDAY, 12)
    assert take(staff, content.encode(), "csv").count(Act.SAME) == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"who,starts,ends\n", ("row 1", "header", "person is missing; who is no column")),
        (table("gareth-price,soon,2027-01-02T12:00,,"), ("row 2", "starts", "is not a time")),
        (table(",2027-01-02T08:00,2027-01-02T12:00,,"), ("row 2", "person", "is empty")),
        (
            table("gareth-price,2027-03-28T01:30,2027-03-28T08:00,,"),
            ("row 2", "starts", "does not exist on that day"),
        ),
        (
            table("gareth-price,2027-10-31T01:30,2027-10-31T08:00,,"),
            ("row 2", "starts", "is there twice on that day"),
        ),
        (
            table(
                "lucy-hart,2027-01-09T08:00,2027-01-09T12:00,,",
                "gareth-price,2027-01-02T08:00,2027-01-02T12:00,evening,",
            ),
            ("row 3", "kind", "is evening; allowed: work, on-call"),
        ),
        (table("gareth-price,2027-01-02T08:00"), ("row 2", "columns", "has not 5 columns")),
        ("person,starts,ends\nJosé,1,2\n".encode("latin-1"), ("the file", "encoding", "UTF-8")),
    ],
)
def test_a_fault_names_the_row_and_the_column(
    definition: HubDefinition, staff: Staff, content: bytes, expected: tuple[str, str, str]
) -> None:
    ((where, field, text),) = faults(staff, content, "csv")
    assert (where, field) == expected[:2]
    assert expected[2] in text
    with pytest.raises(ImportFaultError, match=expected[0]):
        take(staff, content, "csv")


def test_two_lines_may_change_hands_with_each_other(
    definition: HubDefinition, staff: Staff
) -> None:
    """Two shifts at the same time are exchanged: right as a whole, not line by line."""
    early, late = shift_of(ASHA, MONDAY), shift_of(GARETH, MONDAY)
    content = rota_exchange.export("csv", start=at(MONDAY, 0), end=at(MONDAY, 23), team=TEAM)
    text = content.decode()
    a, g = (f"{each.uid},0,{each.practitioner[13:]}" for each in (early, late))
    assert a in text
    swapped = text.replace(a, f"{early.uid},0,gareth-price").replace(g, f"{late.uid},0,asha-nurse")
    assert take(staff, swapped.encode(), "csv").count(Act.CHANGE) == 2
    assert shift_of(GARETH, MONDAY).id == early.id
    assert shift_of(ASHA, MONDAY).id == late.id


def test_nobody_imports_into_a_team_that_is_not_theirs(
    definition: HubDefinition, staff: Staff
) -> None:
    with pytest.raises(NotPermittedError):
        take(staff, calendar(SATURDAY_EVENT), who="gareth-price")
    other = SATURDAY_EVENT.replace("END:VEVENT", "X-CAREHUB-TEAM:therapy\r\nEND:VEVENT")
    assert faults(staff, calendar(other)) == [
        ("event a@roster", "team", "therapy is not yours to plan")
    ]
    olive = shift_of("Practitioner/olive-therapist", MONDAY)
    stolen = SATURDAY_EVENT.replace("a@roster", olive.uid)
    ((_, field, text),) = faults(staff, calendar(stolen))
    assert (field, text) == ("UID", "names a shift of therapy, which is not yours to plan")
