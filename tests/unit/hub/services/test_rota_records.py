"""Schedule, Slot and PractitionerRole say the same as the rota, whatever has happened to it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from hub import clock, records
from hub.db import db
from hub.domain import rota as rules
from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition
from hub.samples import load_hub
from hub.services import absences, rota, rota_overrides, rota_records, shift_offers
from hub.transaction import transaction
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.duty_roster import (
    ASHA,
    GARETH,
    LUCY,
    WEST,
    Staff,
    at,
    events,
    shift_of,
    shifts_of,
)

HUB = hub_actor("test")
MONDAY, THURSDAY = date(2026, 12, 28), date(2026, 12, 31)
PEOPLE = (ASHA, GARETH, LUCY)


@pytest.fixture(autouse=True)
def time(app: Flask, tmp_path: Path) -> Clockwork:
    return Clockwork(tmp_path)


def publish(*people: str) -> int:
    with transaction():
        return rota_records.publish(people or PEOPLE)


def slots(practitioner: str) -> list[tuple[datetime, datetime, str]]:
    """Return start, end and status of somebody's Slots, as a client reads them."""
    table = records.table("Slot")
    ids = db.session.scalars(select(table.c.id).where(~table.c.deleted)).all()
    held = records.read_many(HUB, [f"Slot/{each}" for each in ids])
    schedule = f"Schedule/{practitioner.removeprefix('Practitioner/')}"
    return sorted(
        (
            datetime.fromisoformat(each["start"]),
            datetime.fromisoformat(each["end"]),
            each["status"],
        )
        for each in held.values()
        if each["schedule"]["reference"] == schedule
    )


def on_the_rota(practitioner: str) -> list[tuple[datetime, datetime, str]]:
    """Return the same of the rota itself, minute by minute at the edges of each shift."""
    now, end = clock.now(), at(MONDAY, 0).astimezone(UTC) - timedelta(days=7) + timedelta(weeks=4)
    plan = rota.around(now - timedelta(days=2), end + timedelta(days=2))
    found: list[tuple[datetime, datetime, str]] = []
    for shift in plan.shifts:
        if shift.staff != practitioner or shift.ends_at <= now or shift.starts_at >= end:
            continue
        minute = shift.starts_at
        while minute < shift.ends_at:
            away = rules.absence_at(plan, practitioner, minute) is not None
            status = "busy-unavailable" if away else "free"
            if (
                found
                and found[-1][1] == minute
                and found[-1][2] == status
                and (minute != shift.starts_at)
            ):
                found[-1] = (found[-1][0], minute + timedelta(minutes=30), status)
            else:
                found.append((minute, minute + timedelta(minutes=30), status))
            minute += timedelta(minutes=30)
    return found


def role(practitioner: str) -> Mapping[str, Any]:
    return records.read(HUB, "PractitionerRole", practitioner.split("/")[1]).resource


def test_slots_are_the_shifts_that_lie_ahead(definition: HubDefinition) -> None:
    publish()
    for each in PEOPLE:
        assert slots(each) == on_the_rota(each)
        assert len(slots(each)) > 8
    assert publish() == 0


def test_they_agree_after_swaps_absences_and_overrides(
    definition: HubDefinition, staff: Staff
) -> None:
    publish()
    with transaction():
        made = shift_offers.offer(
            staff("asha-nurse"),
            shift_of(ASHA, MONDAY).id,
            to=GARETH,
            against=shift_of(GARETH, MONDAY).id,
        )
        shift_offers.accept(staff("gareth-price"), made.id)
        rota_overrides.take_off(staff("asha-nurse"), shift_of(LUCY, MONDAY).id, reason="closed")
        away = rota.report_absence(
            staff("gareth-price"),
            GARETH,
            starts_at=at(THURSDAY, 10),
            ends_at=at(THURSDAY, 12),
            reason="other",
        )
    publish()
    for each in PEOPLE:
        assert slots(each) == on_the_rota(each)
    assert (at(THURSDAY, 10), at(THURSDAY, 12), "busy-unavailable") in slots(GARETH)
    with transaction():
        absences.cancel(staff("gareth-price"), away.id)
    publish()
    assert slots(GARETH) == on_the_rota(GARETH)
    with transaction():
        rota.report_absence(
            staff("gareth-price"),
            GARETH,
            starts_at=at(THURSDAY, 11),
            ends_at=None,
            reason="sickness",
        )
    publish()
    assert slots(GARETH) == on_the_rota(GARETH)


def test_the_events_name_everybody_whose_records_change(
    definition: HubDefinition, staff: Staff
) -> None:
    publish(*(f"Practitioner/{each}" for each in definition.staff))
    before = len(events("RotaChanged"))
    with transaction():
        made = shift_offers.offer(staff("gareth-price"), shift_of(GARETH, THURSDAY).id, to=ASHA)
        shift_offers.accept(staff("asha-nurse"), made.id)
    people = {each for _, payload in events("RotaChanged")[before:] for each in payload["people"]}  # type: ignore[attr-defined]
    publish(*people)
    # Nothing is left for the sweep.
    assert publish(*(f"Practitioner/{each}" for each in definition.staff)) == 0


def test_a_role_says_the_hours_of_this_week_and_when_its_person_is_away(
    definition: HubDefinition, staff: Staff
) -> None:
    with transaction():
        rota.report_absence(
            staff("gareth-price"),
            GARETH,
            starts_at=at(THURSDAY, 0),
            ends_at=at(THURSDAY, 23),
            reason="sickness",
        )
    publish()
    # The week of 21 December: Thursday, Friday early; Saturday to Sunday late.
    week = [s for s in shifts_of(GARETH) if s.during.lower and s.during.lower < at(MONDAY, 0)]
    said = {
        (day, hours["availableStartTime"], hours["availableEndTime"])
        for hours in role(GARETH)["availableTime"]
        for day in hours["daysOfWeek"]
    }
    assert said == {
        (
            f"{s.during.lower.astimezone(at(MONDAY, 0).tzinfo):%a}".lower(),
            f"{s.during.lower.astimezone(at(MONDAY, 0).tzinfo):%H:%M:%S}",
            f"{s.during.upper.astimezone(at(MONDAY, 0).tzinfo):%H:%M:%S}",
        )
        for s in week
        if s.during.lower and s.during.upper and s.during.lower >= at(date(2026, 12, 21), 0)
    }
    (away,) = role(GARETH)["notAvailable"]
    assert away["description"] == "Away"
    assert datetime.fromisoformat(away["during"]["start"]) == at(THURSDAY, 0)
    assert "sickness" not in str(role(GARETH))


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2027, 3, 27), 11), (date(2026, 10, 24), 13), (date(2027, 3, 20), 12)]
)
def test_a_night_over_the_clock_change_has_its_real_length(
    app: Flask, staff: Staff, time: Clockwork, day: date, hours: int
) -> None:
    time.set(at(day, 9))
    with transaction():
        definition = load_hub(HUB)
    night = next(
        shift
        for shift in rota.around(at(day, 21), at(day, 21)).shifts
        if shift.team == "CareTeam/duty-desk" and shift.starts_at == at(day, 20)
    )
    publish(night.staff)
    (slot,) = [each for each in slots(night.staff) if each[0] == at(day, 20)]
    assert slot[1] - slot[0] == timedelta(hours=hours)
    assert slot[1] == at(day + timedelta(days=1), 8)
    assert {
        (h["availableStartTime"], h["availableEndTime"])
        for h in role(night.staff)["availableTime"]
        if f"{day:%a}".lower() in h["daysOfWeek"]
    } == {("20:00:00", "08:00:00")}
    assert definition.staff


def test_what_the_rota_says_outlasts_a_reload_of_the_definition(
    definition: HubDefinition, staff: Staff
) -> None:
    publish(ASHA)
    before = records.read(HUB, "PractitionerRole", "asha-nurse").version
    with transaction():
        load_hub(HUB)
    assert records.read(HUB, "PractitionerRole", "asha-nurse").version == before


def test_slots_that_are_over_stay_as_they_were(
    definition: HubDefinition, staff: Staff, time: Clockwork
) -> None:
    publish(GARETH)
    worked = slots(GARETH)[0]
    time.set(worked[1])
    publish(GARETH)
    assert slots(GARETH)[0] == worked


def test_an_on_call_shift_is_told_apart(definition: HubDefinition, staff: Staff) -> None:
    with transaction():
        made = rota_overrides.put_on(
            staff("asha-nurse"),
            GARETH,
            team=WEST,
            starts_at=at(date(2027, 1, 2), 8),
            ends_at=at(date(2027, 1, 2), 12),
            reason="snow",
            kind="on-call",
        )
    publish(GARETH)
    slot = records.read(HUB, "Slot", made.id)
    assert slot["serviceCategory"][0]["coding"][0]["code"] == "on-call"
