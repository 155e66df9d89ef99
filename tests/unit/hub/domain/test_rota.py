"""Who is on shift at an instant."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.domain import rota
from hub.domain.errors import RuleError
from hub.domain.rota import Absence, Rota, Shift

NOON = datetime(2026, 12, 27, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def shift(staff: str, start: datetime = NOON, hours: int = 8, team: str = "CareTeam/a") -> Shift:
    return Shift(f"Practitioner/{staff}", team, start, start + hours * HOUR)


def test_on_shift_from_the_start_until_before_the_end() -> None:
    plan = Rota((shift("asha"),))

    assert [s.staff for s in rota.on_shift(plan, NOON)] == ["Practitioner/asha"]
    assert rota.on_shift(plan, NOON - timedelta(seconds=1)) == ()
    assert rota.on_shift(plan, NOON + 8 * HOUR) == ()
    assert rota.shift_at(plan, "Practitioner/asha", NOON) == shift("asha")
    assert rota.shift_at(plan, "Practitioner/asha", NOON + 8 * HOUR) is None


def test_an_absent_person_is_not_on_shift() -> None:
    away = Absence("Practitioner/asha", NOON, NOON + HOUR, "sickness")
    plan = Rota((shift("asha"), shift("ben")), (away,))

    assert [s.staff for s in rota.on_shift(plan, NOON)] == ["Practitioner/ben"]
    assert len(rota.on_shift(plan, NOON + HOUR)) == 2
    assert rota.absence_at(plan, "Practitioner/asha", NOON) == away
    assert rota.absence_at(plan, "Practitioner/ben", NOON) is None


def test_an_absence_without_an_end_lasts() -> None:
    plan = Rota((shift("asha"),), (Absence("Practitioner/asha", NOON - HOUR, None, "sickness"),))

    assert rota.on_shift(plan, NOON + 7 * HOUR) == ()


def test_only_the_asked_team() -> None:
    plan = Rota((shift("asha"), shift("ben", team="CareTeam/b")))

    assert [s.staff for s in rota.on_shift(plan, NOON, team="CareTeam/b")] == ["Practitioner/ben"]


def test_a_night_shift_over_the_clock_change_is_the_hours_it_is() -> None:
    london = ZoneInfo("Europe/London")
    night = Shift(
        "Practitioner/asha",
        "CareTeam/a",
        datetime(2026, 10, 24, 20, tzinfo=london).astimezone(UTC),
        datetime(2026, 10, 25, 8, tzinfo=london).astimezone(UTC),
    )

    assert night.ends_at - night.starts_at == 13 * HOUR


def test_between_keeps_what_touches_the_span_in_a_stable_order() -> None:
    early, late, after = shift("b"), shift("a"), shift("c", NOON + 9 * HOUR)
    gone = Absence("Practitioner/a", NOON - 5 * HOUR, NOON, "leave")
    plan = Rota((early, late, after), (gone,))

    assert plan.between(NOON, NOON) == Rota((late, early))
    assert plan.between(NOON, NOON + 10 * HOUR).shifts == (late, early, after)
    assert plan.between(NOON + 8 * HOUR, NOON + 8 * HOUR) == Rota()
    assert plan.between(NOON - HOUR, NOON).absences == (gone,)


def test_overlapping_shifts_of_one_person_are_found() -> None:
    first, second = shift("asha"), shift("asha", NOON + 7 * HOUR)
    inside = shift("asha", NOON + HOUR, hours=1)

    assert rota.overlapping([first, shift("ben")]) == ()
    assert rota.overlapping([first, shift("asha", NOON + 8 * HOUR)]) == ()
    assert rota.overlapping([second, first]) == ((first, second),)
    assert rota.overlapping([first, inside, second]) == ((first, inside), (first, second))


def test_impossible_shifts_are_refused() -> None:
    with pytest.raises(RuleError, match="after it starts"):
        shift("asha", hours=0)
    with pytest.raises(RuleError, match="time zone"):
        shift("asha", datetime(2026, 12, 27, 12))


def test_a_shift_is_cut_where_its_person_comes_and_goes() -> None:
    whole = shift("asha")

    def away(start: int, end: int | None, who: str = "asha") -> Absence:
        ends_at = None if end is None else NOON + end * HOUR
        return Absence(f"Practitioner/{who}", NOON + start * HOUR, ends_at, "leave")

    def pieces(*absences: Absence) -> list[tuple[int, int, bool]]:
        return [
            ((starts - NOON) // HOUR, (ends - NOON) // HOUR, there)
            for starts, ends, there in rota.attended(whole, absences)
        ]

    assert pieces() == [(0, 8, True)]
    assert pieces(away(0, 8, "ben")) == [(0, 8, True)]
    assert pieces(away(2, 4)) == [(0, 2, True), (2, 4, False), (4, 8, True)]
    assert pieces(away(-5, 1), away(6, None)) == [(0, 1, False), (1, 6, True), (6, 8, False)]
    # Absences that overlap, or follow each other, are one time away.
    assert pieces(away(1, 3), away(2, 5), away(5, 6)) == [(0, 1, True), (1, 6, False), (6, 8, True)]
    assert pieces(away(-9, None), away(3, 4)) == [(0, 8, False)]


def test_only_two_kinds_of_shift_are_known() -> None:
    with pytest.raises(RuleError, match="allowed: work, on-call"):
        Shift("Practitioner/asha", "CareTeam/a", NOON, NOON + HOUR, kind="standby")
