"""Coverage for any rota and need: a hole is exactly where the count is below the need."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hub.domain import cover, cover_alarms
from hub.domain.calendars import ALL_DAY, Calendar, Opening, zone
from hub.domain.cover import Hole, Missing
from hub.domain.cover_alarms import Change, Kept
from hub.domain.cover_needs import Need
from hub.domain.rota import ON_CALL, WORK, Absence, Rota, Shift

TEAM = "CareTeam/a"
STAFF = [f"Practitioner/{letter}" for letter in "abcde"]
SKILLS = {"Practitioner/a": frozenset({"x"}), "Practitioner/b": frozenset({"x", "y"})}
BASE = datetime(2026, 10, 24, tzinfo=UTC)
"""The clocks go back in the night to the 25th."""
END = BASE + timedelta(days=4)
STEP = timedelta(minutes=15)
instants = st.integers(0, 96 * 4).map(lambda steps: BASE + steps * STEP)
lengths = st.integers(1, 60).map(lambda steps: steps * STEP)
openings = st.sampled_from(
    [(), (ALL_DAY,), (Opening(time(8), time(20)),), (Opening(time(1, 30), time(2, 15)),)]
)
calendars = st.builds(
    lambda weekly, holidays: Calendar("c", "C", weekly, bank_holidays=frozenset(holidays)),
    st.tuples(*[openings] * 7),
    st.sets(st.sampled_from([date(2026, 10, 26), date(2026, 10, 27)])),
)
needs = st.builds(
    Need,
    code=st.just("n"),
    name=st.just("N"),
    team=st.just(TEAM),
    hours=calendars,
    roles=st.sampled_from([frozenset(), frozenset({"nurse"})]),
    skills=st.sampled_from([frozenset(), frozenset({"x"}), frozenset({"x", "y"})]),
    bank_holiday=st.one_of(st.none(), openings),
    least=st.integers(0, 3),
    least_on_call=st.integers(0, 2),
)
shifts = st.builds(
    lambda staff, start, length, role, kind, team: Shift(
        staff, team, start, start + length, role, None, kind
    ),
    st.sampled_from(STAFF),
    instants,
    lengths,
    st.sampled_from(["nurse", "porter"]),
    st.sampled_from([WORK, WORK, ON_CALL]),
    st.sampled_from([TEAM, TEAM, TEAM, "CareTeam/b"]),
)
absences = st.builds(
    lambda staff, start, length: Absence(staff, start, start + length if length else None, "leave"),
    st.sampled_from(STAFF),
    instants,
    st.one_of(st.none(), lengths),
)
rotas = st.builds(
    lambda s, a: Rota(tuple(s), tuple(a)),
    st.lists(shifts, max_size=12),
    st.lists(absences, max_size=4),
)


def found(need: Need, rota: Rota) -> tuple[Hole, ...]:
    return cover.all_holes([need], rota, SKILLS, BASE, END)


def is_needed(need: Need, at: datetime) -> bool:
    """Say it the slow way: look at the wall clock of the hub."""
    wall = at.astimezone(zone(need.hours.time_zone))
    day = wall.date()
    listed = need.hours.weekly[day.weekday()]
    if need.bank_holiday is not None and day in need.hours.bank_holidays:
        listed = need.bank_holiday
    return any(
        opening == ALL_DAY
        or instant(need, day, opening.opens) <= at < instant(need, day, opening.closes)
        for opening in listed
    )


def instant(need: Need, day: date, at: time) -> datetime:
    return datetime.combine(day, at, zone(need.hours.time_zone)).astimezone(UTC)


def counts(need: Need, rota: Rota, at: datetime) -> tuple[int, int]:
    """Count persons at work and on call at an instant, one by one."""
    working: set[str] = set()
    calling: set[str] = set()
    for shift in rota.shifts:
        away = any(
            absence.staff == shift.staff
            and absence.starts_at <= at
            and (absence.ends_at is None or at < absence.ends_at)
            for absence in rota.absences
        )
        if (
            shift.team == TEAM
            and shift.starts_at <= at < shift.ends_at
            and not away
            and (not need.roles or shift.role in need.roles)
            and need.skills <= SKILLS.get(shift.staff, frozenset())
        ):
            (calling if shift.kind == ON_CALL else working).add(shift.staff)
    return len(working), len(calling)


def covers(holes: Iterable[Hole], at: datetime) -> bool:
    return any(hole.starts_at <= at < hole.ends_at for hole in holes)


@given(needs, rotas)
def test_a_hole_is_exactly_where_the_count_is_below_the_need(need: Need, rota: Rota) -> None:
    holes = found(need, rota)

    at = BASE
    while at < END:
        working, calling = counts(need, rota, at)
        below = is_needed(need, at) and (working < need.least or calling < need.least_on_call)
        assert covers(holes, at) == below, at
        at += STEP


@given(needs, rotas)
def test_holes_do_not_overlap_and_neighbours_differ(need: Need, rota: Rota) -> None:
    holes = found(need, rota)

    for before, after in pairwise(holes):
        assert before.ends_at <= after.starts_at
        if before.ends_at == after.starts_at:
            assert (before.missing, before.short) != (after.missing, after.short)


def open_time(holes: Iterable[Hole]) -> set[datetime]:
    return {
        hole.starts_at + number * STEP
        for hole in holes
        for number in range(int((hole.ends_at - hole.starts_at) / STEP))
    }


@given(needs, rotas, shifts)
def test_adding_a_shift_never_makes_a_hole(need: Need, rota: Rota, more: Shift) -> None:
    richer = replace(rota, shifts=(*rota.shifts, more))

    assert open_time(found(need, richer)) <= open_time(found(need, rota))


@given(needs, rotas, absences)
def test_an_absence_never_fills_one(need: Need, rota: Rota, away: Absence) -> None:
    poorer = replace(rota, absences=(*rota.absences, away))

    assert open_time(found(need, rota)) <= open_time(found(need, poorer))


@given(needs, rotas)
def test_the_share_is_whole_exactly_when_there_is_no_hole(need: Need, rota: Rota) -> None:
    there = cover.presences(rota).get(TEAM, ())
    stretches = cover.stretches(need, there, SKILLS, BASE, END)
    share = cover.share(need, stretches)

    assert timedelta(0) <= share.covered <= share.needed
    assert (share.covered == share.needed) == (not found(need, rota))
    cells = cover.cells(need, stretches, BASE, END)
    assert sum((cell.short_for for cell in cells), timedelta(0)) == sum(
        (hole.ends_at - hole.starts_at for hole in found(need, rota)), timedelta(0)
    )
    assert sum((cell.needed_for for cell in cells), timedelta(0)) == sum(
        (stretch.ends_at - stretch.starts_at for stretch in stretches), timedelta(0)
    )


rows = st.lists(
    st.tuples(
        st.sampled_from("mn"), instants, lengths, st.sampled_from(Missing), st.integers(1, 3)
    ),
    max_size=6,
)


def apart(said: list[tuple[str, datetime, timedelta, Missing, int]]) -> list[Hole]:
    """Return those that do not overlap one before them of the same need, as holes do not."""
    made: list[Hole] = []
    for need, start, length, missing, short in said:
        hole = Hole(need, TEAM, start, start + length, missing, short)
        if not any(
            each.need == need and each.starts_at < hole.ends_at and hole.starts_at < each.ends_at
            for each in made
        ):
            made.append(hole)
    return made


@given(rows, rows)
def test_after_reconciling_the_open_rows_are_what_was_found_and_nothing_new_is_silent(
    before: list[tuple[str, datetime, timedelta, Missing, int]],
    after: list[tuple[str, datetime, timedelta, Missing, int]],
) -> None:
    kept = [
        Kept(str(number), each.need, each.starts_at, each.ends_at, each.missing, each.short)
        for number, each in enumerate(apart(before))
    ]
    holes = apart(after)

    changes = cover_alarms.reconcile(kept, holes, BASE - STEP, {"m", "n"})

    every: tuple[Change, ...] = (*changes.kept, *changes.opened)
    assert sorted(map(repr, holes)) == sorted(repr(change.hole) for change in every)
    named = [change.row for change in changes.kept] + [row_id for row_id, _ in changes.closed]
    assert sorted(map(str, named)) == sorted(row.id for row in kept)
    for change in every:
        if not change.rings:
            # Somebody has heard of all of it before.
            told = [row for row in kept if row.id in (change.row, change.like)]
            assert any(
                row.starts_at <= change.hole.starts_at
                and change.hole.ends_at <= row.ends_at
                and change.hole.short <= row.short
                for row in told
            )
