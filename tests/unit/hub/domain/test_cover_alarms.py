"""Which hole is which over time, what rings again, and when each stage is due."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hub.domain import cover_alarms
from hub.domain.cover import Hole, Missing
from hub.domain.cover_alarms import Change, Closing, Kept, Stage

NOW = datetime(2026, 11, 30, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEEDS = {"nurses"}


def hole(start: float, end: float, missing: Missing = Missing.NOBODY, short: int = 1) -> Hole:
    return Hole("nurses", "CareTeam/a", NOW + start * HOUR, NOW + end * HOUR, missing, short)


def row(
    start: float,
    end: float,
    missing: Missing = Missing.NOBODY,
    short: int = 1,
    *,
    id: str = "1",  # noqa: A002 - the name of the field
    to_horizon: bool = False,
) -> Kept:
    return Kept(
        id, "nurses", NOW + start * HOUR, NOW + end * HOUR, missing, short, to_horizon=to_horizon
    )


def one(changes: cover_alarms.Changes) -> Change:
    (change,) = (*changes.kept, *changes.opened)
    return change


def reconcile(rows: list[Kept], found: list[Hole]) -> cover_alarms.Changes:
    return cover_alarms.reconcile(rows, found, NOW, NEEDS)


def test_what_is_new_opens_and_rings() -> None:
    change = one(reconcile([], [hole(2, 4)]))

    assert (change.row, change.like, change.rings) == (None, None, True)


def test_what_is_the_same_stays_and_is_silent() -> None:
    change = one(reconcile([row(2, 4)], [hole(2, 4)]))

    assert (change.row, change.rings) == ("1", False)


def test_a_hole_that_shrinks_or_gets_milder_is_silent() -> None:
    for found in (hole(3, 4), hole(2, 4, Missing.ONLY_ON_CALL), hole(2, 4, Missing.SKILL)):
        change = one(reconcile([row(2, 4)], [found]))

        assert (change.row, change.hole, change.rings) == ("1", found, False)


def test_a_hole_that_grows_or_gets_worse_rings_again() -> None:
    before = row(2, 4, Missing.TOO_FEW)
    for found in (
        hole(1, 4, Missing.TOO_FEW),
        hole(2, 5, Missing.TOO_FEW),
        hole(2, 4),
        hole(2, 4, Missing.TOO_FEW, 2),
    ):
        change = one(reconcile([before], [found]))

        assert (change.row, change.rings) == ("1", True)


def test_a_hole_that_has_begun_keeps_its_start() -> None:
    change = one(reconcile([row(-3, 4)], [hole(0, 4)]))

    assert (change.hole.starts_at, change.rings) == (NOW - 3 * HOUR, False)


def test_a_hole_at_the_end_of_the_days_looked_at_grows_in_silence() -> None:
    change = one(reconcile([row(300, 336, to_horizon=True)], [hole(300, 360)]))
    assert (change.row, change.rings) == ("1", False)

    # The day after, it begins where the horizon was.
    change = one(reconcile([row(300, 336, to_horizon=True)], [hole(336, 360)]))
    assert (change.row, change.rings) == ("1", False)


def test_the_second_part_of_a_split_hole_goes_on_from_the_first() -> None:
    changes = reconcile([row(2, 10)], [hole(2, 5), hole(6, 10)])

    assert [change.row for change in changes.kept] == ["1"]
    assert [(change.like, change.rings) for change in changes.opened] == [("1", False)]
    assert changes.closed == ()


def test_two_holes_that_become_one_are_one_row_that_rings() -> None:
    changes = reconcile([row(2, 4), row(5, 9, id="2")], [hole(2, 9)])

    assert [(change.row, change.rings) for change in changes.kept] == [("2", True)]
    assert changes.closed == (("1", Closing.JOINED),)


def test_neighbours_that_lack_something_else_keep_their_own_rows() -> None:
    few, nobody = row(2, 6, Missing.TOO_FEW), row(6, 8, id="2")

    changes = reconcile([few, nobody], [hole(2, 4, Missing.TOO_FEW), hole(4, 8)])

    assert {change.row: change.rings for change in changes.kept} == {"1": False, "2": True}
    assert changes.closed == ()


def test_a_closed_hole_says_why() -> None:
    rows = [row(2, 4), row(-4, -1, id="2"), replace(row(2, 4, id="3"), need="porters")]

    changes = reconcile(rows, [])

    assert dict(changes.closed) == {
        "1": Closing.COVERED,
        "2": Closing.PASSED,
        "3": Closing.NOT_NEEDED,
    }


def due(
    hours: float, rung: Stage | None = Stage.LEAD, *, acknowledged: bool = False
) -> list[Stage]:
    return cover_alarms.due(rung, NOW + hours * HOUR, NOW, acknowledged=acknowledged)


def test_the_lead_hears_at_once_and_the_duty_manager_a_day_before() -> None:
    assert due(300, None) == [Stage.LEAD]
    assert due(24.1) == []
    assert due(24) == [Stage.DUTY_MANAGER]
    assert due(2.1, Stage.DUTY_MANAGER) == []
    assert due(2, Stage.DUTY_MANAGER) == [Stage.LAST_CALL]
    assert due(-1, Stage.LAST_CALL) == []


def test_a_hole_found_late_has_several_stages_due() -> None:
    assert due(1, None) == [Stage.LEAD, Stage.DUTY_MANAGER, Stage.LAST_CALL]
    assert due(-1, None) == [Stage.LEAD, Stage.DUTY_MANAGER, Stage.LAST_CALL]
    assert due(20, None) == [Stage.LEAD, Stage.DUTY_MANAGER]


def test_an_acknowledged_hole_is_not_the_duty_managers_until_the_last_call() -> None:
    assert due(20, acknowledged=True) == []
    assert due(1, acknowledged=True) == [Stage.LAST_CALL]


def test_the_next_stage_is_known_beforehand() -> None:
    def next_due(rung: Stage | None, *, acknowledged: bool = False) -> datetime | None:
        return cover_alarms.next_due(rung, NOW + 30 * HOUR, NOW, acknowledged=acknowledged)

    assert next_due(None) == NOW
    assert next_due(Stage.LEAD) == NOW + 6 * HOUR
    assert next_due(Stage.LEAD, acknowledged=True) == NOW + 28 * HOUR
    assert next_due(Stage.DUTY_MANAGER) == NOW + 28 * HOUR
    assert next_due(Stage.LAST_CALL) is None
