"""Who must have whom, exactly one at every instant, and who it was on a date."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.domain import accountability
from hub.domain.accountability import AccountableRole, Holding, Need
from hub.domain.errors import RuleError, StateError

GP, COORDINATOR = AccountableRole.GP, AccountableRole.COORDINATOR
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def held(who: str, start: int, end: int | None = None, role: AccountableRole = GP) -> Holding:
    until = None if end is None else START + end * DAY
    return Holding(role, f"Practitioner/{who}", START + start * DAY, until)


@pytest.mark.parametrize(
    ("need", "roles"),
    [
        (Need(age=74), set()),
        (Need(age=75), {GP, COORDINATOR}),
        (Need(complex_need=True), {GP, COORDINATOR}),
        (Need(on_register=True), {GP, COORDINATOR}),
        (Need(in_social_care=True), {AccountableRole.SOCIAL_WORKER}),
        (Need(age=80, in_social_care=True), set(AccountableRole)),
    ],
)
def test_who_must_have_whom(need: Need, roles: set[AccountableRole]) -> None:
    assert accountability.required_roles(need) == roles


def test_naming_ends_the_one_before_at_the_same_instant() -> None:
    history = accountability.name((held("a", 0),), GP, "Practitioner/b", START + DAY)

    assert history == (held("a", 0, 1), held("b", 1))
    assert accountability.holder_at(history, GP, START + DAY) == held("b", 1)
    assert accountability.holder_at(history, GP, START) == held("a", 0, 1)
    assert accountability.holder_at(history, GP, START - DAY) is None


def test_the_roles_do_not_meet() -> None:
    history = accountability.name((held("a", 0),), COORDINATOR, "Practitioner/b", START)

    assert accountability.current(history, START + DAY) == {
        GP: held("a", 0),
        COORDINATOR: held("b", 0, role=COORDINATOR),
    }


@pytest.mark.parametrize(
    ("history", "who", "start", "words"),
    [
        ((held("a", 0),), "Practitioner/a", 1, "already"),
        ((held("a", 1),), "Practitioner/b", 1, "not rewritten"),
        ((held("a", 1),), "Practitioner/b", 0, "not rewritten"),
        ((held("a", 0, 5),), "Practitioner/b", 3, "until then"),
        ((), "CareTeam/a", 0, "named person"),
    ],
)
def test_what_naming_refuses(
    history: tuple[Holding, ...], who: str, start: int, words: str
) -> None:
    with pytest.raises(RuleError, match=words):
        accountability.name(history, GP, who, START + start * DAY)


def test_somebody_may_come_back() -> None:
    history = accountability.name((held("a", 0, 1),), GP, "Practitioner/a", START + 2 * DAY)

    assert accountability.holder_at(history, GP, START + 1.5 * DAY) is None
    assert accountability.holder_at(history, GP, START + 2 * DAY) == held("a", 2)


def test_ending_leaves_the_role_empty_from_that_instant() -> None:
    history = accountability.end((held("a", 0),), GP, START + DAY)

    assert history == (held("a", 0, 1),)
    with pytest.raises(StateError, match="nobody holds"):
        accountability.end(history, GP, START + DAY)
    with pytest.raises(StateError):
        accountability.end((held("a", 0, 5),), GP, START + DAY)
    with pytest.raises(RuleError, match="after it starts"):
        accountability.end((held("a", 0),), GP, START)


def test_vacancies_say_since_when_and_after_whom() -> None:
    history = (held("a", 0, 1), held("b", 2, 3))

    def found(day: float) -> list[tuple[str | None, str]]:
        vacant = accountability.vacancies(history, [GP], START + day * DAY)
        return [(each.left_by, each.reason) for each in vacant]

    assert found(-1) == [(None, "never named")]
    assert found(0.5) == []
    assert found(1) == [("Practitioner/a", "left")]
    assert found(4) == [("Practitioner/b", "left")]
    (last,) = accountability.vacancies(history, [GP], START + 4 * DAY)
    assert last.since == START + 3 * DAY


def test_a_long_absence_is_a_vacancy() -> None:
    vacant = accountability.vacancies(
        (held("a", 0),), [GP], START + DAY, away=frozenset({"Practitioner/a"})
    )

    assert [(each.left_by, each.reason) for each in vacant] == [("Practitioner/a", "away")]


@pytest.mark.parametrize(
    "history",
    [
        (held("a", 0), held("b", 1)),
        (held("a", 0, 3), held("b", 2)),
        (held("a", 0), held("b", 0)),
        (held("a", 1, 1),),
        (held("a", 2, 1),),
    ],
)
def test_two_at_once_are_refused(history: tuple[Holding, ...]) -> None:
    with pytest.raises(RuleError):
        accountability.check(history)


def test_one_after_another_is_fine() -> None:
    accountability.check((held("b", 1), held("a", 0, 1), held("c", 0, role=COORDINATOR)))
