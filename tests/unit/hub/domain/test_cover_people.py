"""Who could fill a hole: rest of eleven hours, role, skill, whose turn it is."""

from datetime import UTC, datetime, time, timedelta

import pytest

from hub.domain import cover_people
from hub.domain.calendars import Opening, every_day
from hub.domain.cover_needs import Need
from hub.domain.cover_people import Standing, rest_fault
from hub.domain.fairness import Tally
from hub.domain.rota import ON_CALL, Absence, Rota, Shift
from hub.domain.staffing import StaffMember

MONDAY = datetime(2026, 11, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEED = Need(
    "n",
    "Nurses",
    "CareTeam/a",
    every_day("d", "Daily", Opening(time(8), time(20))),
    roles=frozenset({"nurse"}),
    skills=frozenset({"x"}),
)


def span(start: float, end: float) -> tuple[datetime, datetime]:
    return MONDAY + start * HOUR, MONDAY + end * HOUR


@pytest.mark.parametrize(
    ("worked", "fault"),
    [
        ([], None),
        ([(-12, -3)], None),  # eleven hours to the minute
        ([(-12, -2.5)], "would have 10.5 hours of rest before it, not 11"),
        ([(27, 35)], None),
        ([(26, 35)], "would have 10 hours of rest after it, not 11"),
        ([(3, 8)], None),  # one stint of thirteen hours
        ([(2, 8)], "would work 14 hours on end"),
        ([(3, 8), (-12, -7)], "would have 10 hours of rest before it, not 11"),
        ([(5, 7.5)], "would have 0.5 hours of rest before it, not 11"),
        ([(-30, -20), (60, 70)], None),
    ],
)
def test_eleven_hours_of_rest_before_and_after(
    worked: list[tuple[float, float]], fault: str | None
) -> None:
    assert rest_fault((span(*each) for each in worked), span(8, 16)) == fault


def person(username: str, *, role: str = "nurse", team: str = "a", skill: str = "x") -> StaffMember:
    return StaffMember(
        username, username.title(), "Hart", "female", role, "o", (team,), "r", skills=(skill,)
    )


def tally(weekends: int = 0, hours: float = 100) -> Tally:
    return Tally("", "", weekends, 0, 0, hours, 0, 100)


def ask(
    people: list[StaffMember],
    shifts: tuple[Shift, ...] = (),
    absences: tuple[Absence, ...] = (),
    **tallies: Tally,
) -> list[tuple[str, str | None]]:
    found: tuple[Standing, ...] = cover_people.standings(
        NEED,
        span(8, 16),
        people,
        Rota(shifts, absences),
        {f"Practitioner/{name}": each for name, each in tallies.items()},
    )
    return [(each.staff.removeprefix("Practitioner/"), each.bar) for each in found]


def test_who_cannot_take_it_is_told_why() -> None:
    people = [
        person("asha"),
        person("bo", role="porter"),
        person("cy", skill="y"),
        person("di"),
        person("eve"),
        person("flo"),
        person("gus"),
    ]
    shifts = (
        Shift("Practitioner/eve", "CareTeam/b", *span(15, 20), "nurse"),
        Shift("Practitioner/flo", "CareTeam/a", *span(-4, 4), "nurse"),
        Shift("Practitioner/gus", "CareTeam/a", *span(-4, 4), "nurse", None, ON_CALL),
    )
    absences = (Absence("Practitioner/di", MONDAY + 15 * HOUR, None, "leave"),)

    assert dict(ask(people, shifts, absences)) == {
        "asha": None,
        "bo": "has another role",
        "cy": "does not have the skill",
        "di": "is away (leave)",
        "eve": "is on the rota then",
        "flo": "would have 4 hours of rest before it, not 11",
        "gus": None,  # waiting at home is no work
    }


def test_whose_turn_it_is_comes_first() -> None:
    people = [person("asha"), person("ben"), person("cy"), person("di", team="b")]

    listed = ask(
        people,
        asha=tally(hours=110),
        ben=tally(hours=90, weekends=3),
        cy=tally(hours=90, weekends=1),
        di=tally(hours=10),
    )

    # The own team first; then who worked least of their contract; then who had fewest weekends.
    assert [name for name, _ in listed] == ["cy", "ben", "asha", "di"]


def test_a_long_hole_is_offered_in_pieces_from_now_on() -> None:
    start, end = span(0, 30)

    assert cover_people.offered(start, end, MONDAY - HOUR) == span(0, 12)
    assert cover_people.offered(start, end, MONDAY + 5 * HOUR) == span(5, 17)
    assert cover_people.offered(start, end, MONDAY + 20 * HOUR) == span(20, 30)
