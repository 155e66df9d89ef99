"""Holes as rows: found by the change, rung stage by stage, closed when filled."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import Range

from hub.db import db
from hub.domain.definition import HubDefinition
from hub.models.cover_alarm import CoverAlarm
from hub.models.cover_hole import CoverHole
from hub.models.notice import Notice
from hub.models.shift import Shift
from hub.queries import cover as cover_query
from hub.records.tables import OUTBOX
from hub.services import cover, cover_alarms
from hub.transaction import transaction
from tests.factories.shift import shift
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.cover_desk import HOUR, MONDAY, away, count

PHIL = "Practitioner/phil-pharmacist"
DANA = "Practitioner/dana-duty"


@pytest.fixture(autouse=True)
def monday(clockwork: Clockwork, request: pytest.FixtureRequest) -> Clockwork:
    clockwork.set(MONDAY)
    # After that: the sample rota reaches from the day on which it is loaded.
    definition: HubDefinition = request.getfixturevalue("definition")
    assert "pharmacists" in definition.cover_needs
    return clockwork


def holes(need: str = "pharmacists") -> list[CoverHole]:
    return [each for each in cover_query.open_holes() if each.need == need]


def told(kind: str = "CoverHole") -> list[tuple[str, str]]:
    found = db.session.execute(
        select(Notice.recipient, Notice.line).where(Notice.kind == kind).order_by(Notice.id)
    )
    return [(who, line) for who, line in found]


def sweep() -> int:
    rung = 0
    with transaction():
        cover.count_if_changed()
    for hole_id in cover_alarms.due_holes():
        with transaction():
            rung += len(cover_alarms.ring(hole_id))
    return rung


def test_the_sample_hub_has_a_few_holes_and_each_lead_hears_of_theirs() -> None:
    rung = count()

    found = cover_query.open_holes()
    assert 3 <= len(found) <= 15
    assert sorted(rung) == sorted(each.id for each in found)
    leads = {
        each.team: set(alarm.told) for each in found for alarm in cover_query.alarms_of(each.id)
    }
    assert leads["CareTeam/pharmacy"] == {PHIL}
    (wednesday, *_) = holes()
    assert wednesday.cause == "Nobody is planned."
    assert wednesday.starts_at.tzinfo is not None


def test_counting_again_changes_nothing_and_tells_nobody() -> None:
    count()
    before = [(each.id, each.round, each.rung) for each in cover_query.open_holes()]
    notices = told()

    assert count() == []

    assert [(each.id, each.round, each.rung) for each in cover_query.open_holes()] == before
    assert told() == notices


def test_an_absence_makes_a_hole_that_names_who_is_away() -> None:
    count()
    before = {each.id for each in holes()}
    away("phil-pharmacist", datetime(2026, 12, 3, 8, tzinfo=UTC), 10)
    (event,) = db.session.execute(
        select(OUTBOX.c.id, OUTBOX.c.payload)
        .where(OUTBOX.c.event == "RotaChanged")
        .order_by(OUTBOX.c.id.desc())
        .limit(1)
    ).all()
    assert event.payload["teams"] == ["CareTeam/pharmacy"]

    with transaction():
        cover.recount({"CareTeam/pharmacy"}, by=f"outbox/{event.id}", at=MONDAY)

    (made,) = [each for each in holes() if each.id not in before]
    assert (made.starts_at.hour, made.missing, made.short) == (8, "nobody", 1)
    assert made.ends_at == datetime(2026, 12, 3, 17, tzinfo=UTC)
    assert made.cause == "Philip Rowe is away."
    assert (made.caused_by, made.caused_at) == (f"outbox/{event.id}", MONDAY)
    # The lead is the one who is away: that is for the day; until then he hears of it.
    assert told()[-1] == (
        PHIL,
        "Pharmacist: nobody, Thu 3 Dec 08:30 to 17:00. Philip Rowe is away.",
    )


def test_the_lead_who_is_away_now_is_not_the_only_one_who_hears(monday: Clockwork) -> None:
    count()
    away("phil-pharmacist", MONDAY - HOUR, 24 * 3)
    count()

    heard = [
        set(alarm.told)
        for each in holes()
        if each.cause == "Philip Rowe is away." and each.rung == "lead"
        for alarm in cover_query.alarms_of(each.id)
    ]
    # Morgan is the pharmacists' duty manager.
    assert heard
    assert all({PHIL, "Practitioner/morgan-manager"} <= each for each in heard)


def test_a_recount_of_one_team_leaves_the_others_alone() -> None:
    count()
    others = [each.id for each in cover_query.open_holes() if each.team != "CareTeam/pharmacy"]
    with transaction():
        db.session.execute(delete(Shift))

        cover.recount({"CareTeam/pharmacy"}, by="test")

    # Every working hour of a fortnight: each of these days is a hole of its own.
    assert len(holes()) == 12
    assert [
        each.id for each in cover_query.open_holes() if each.team != "CareTeam/pharmacy"
    ] == others


def test_a_filled_hole_is_closed_and_those_who_heard_of_it_hear_that() -> None:
    count()
    hole = holes()[0]
    with transaction():
        shift(
            "Practitioner/a-locum",
            team="CareTeam/pharmacy",
            role="pharmacist",
            during=Range(hole.starts_at, hole.ends_at),
        )
    count()

    db.session.expire_all()
    assert (hole.closed_why, hole.closed_at) == ("covered", MONDAY)
    assert hole.id not in {each.id for each in cover_query.open_holes()}
    assert [who for who, _ in told("CoverFilled")] == [PHIL]
    count()
    assert len(told("CoverFilled")) == 1


def test_each_stage_rings_once(monday: Clockwork) -> None:
    count()
    hole = holes()[0]  # Wednesday of the second week
    stages = []
    for before in (25, 23.9, 23, 3, 1.9, 1):
        monday.set(hole.starts_at - before * HOUR)
        sweep()
        sweep()
        stages.append([alarm.stage for alarm in cover_query.alarms_of(hole.id)])

    assert stages == [
        ["lead"],
        ["lead", "duty-manager"],
        ["lead", "duty-manager"],
        ["lead", "duty-manager"],
        ["lead", "duty-manager", "last-call"],
        ["lead", "duty-manager", "last-call"],
    ]
    lead, manager, last = cover_query.alarms_of(hole.id)
    assert lead.told == [PHIL]
    assert "Practitioner/morgan-manager" in manager.told
    assert PHIL not in manager.told
    # Whoever is duty manager on shift hears of it too, whatever team they are of.
    assert {PHIL, "Practitioner/morgan-manager"} < set(last.told)


def test_a_hole_that_gets_worse_rings_anew_and_is_nobodys_again(
    monday: Clockwork, staff: Callable[[str], object]
) -> None:
    count()
    hole = holes("rapid-response-cannulation")[0]
    with transaction():
        hole.acknowledged_at, hole.acknowledged_by = MONDAY, "Practitioner/ruth-rapid"
    away("kwame-boateng", hole.ends_at, 4)
    for username in ("ruth-rapid", "marek-nowak", "chloe-bennett"):
        away(username, hole.ends_at, 4)

    assert count() != []

    db.session.expire_all()
    grown = next(each for each in cover_query.open_holes() if each.id == hole.id)
    assert (grown.round, grown.acknowledged_at) == (2, None)
    assert [(each.round, each.stage) for each in cover_query.alarms_of(hole.id)] == [
        (1, "lead"),
        (2, "lead"),
    ]


def test_a_hole_nobody_filled_goes_by(monday: Clockwork) -> None:
    count()
    hole = holes()[0]
    monday.set(hole.ends_at)
    sweep()

    db.session.expire_all()
    assert hole.closed_why == "passed"
    assert told("CoverFilled") == []


def test_the_sweep_counts_only_after_a_change(monday: Clockwork) -> None:
    with transaction():
        assert cover.count_if_changed()
    with transaction():
        assert not cover.count_if_changed()
    with transaction():
        monday.advance(hours=1)
        assert not cover.count_if_changed()
    changes: list[Callable[[], object]] = [
        lambda: db.session.execute(
            delete(Shift).where(
                Shift.practitioner == PHIL, func.lower(Shift.during) > MONDAY + 24 * HOUR
            )
        ),
        lambda: away("asha-nurse", MONDAY + 50 * HOUR),
        lambda: monday.advance(days=1),
    ]
    for change in changes:
        with transaction():
            change()
        with transaction():
            assert cover.count_if_changed()
        with transaction():
            assert not cover.count_if_changed()
    # Nobody said that the shifts of the pharmacist went: the sweep has found it.
    assert len(holes()) > 8


def test_the_alarm_of_a_team_covers_its_time_and_no_other(monday: Clockwork) -> None:
    count()
    hole = holes()[0]

    assert not cover.alarmed(hole.team, hole.starts_at - HOUR)
    assert cover.alarmed(hole.team, hole.starts_at)
    assert not cover.alarmed(hole.team, hole.ends_at)
    assert not cover.alarmed("CareTeam/spor", hole.starts_at)


def test_every_alarm_is_recorded_once(monday: Clockwork) -> None:
    count()
    for day in range(10):
        monday.set(MONDAY + timedelta(days=day, hours=1))
        sweep()

    doubled = db.session.execute(
        select(CoverAlarm.hole_id)
        .group_by(CoverAlarm.hole_id, CoverAlarm.round, CoverAlarm.stage)
        .having(func.count() > 1)
    ).all()
    assert doubled == []
    assert set(db.session.scalars(select(CoverHole.rung))) <= {
        "lead",
        "duty-manager",
        "last-call",
    }
