"""Links only on proof; everything else is a suggestion that a person decides."""

from dataclasses import replace
from datetime import date

import pytest

from hub.domain import identity
from hub.domain.identity import Identity

KNOWN = Identity(
    reference="Patient/1",
    nhs_number="9990000018",
    nhs_number_verified=True,
    family="O'Néill",
    given=("Brìd", "Ann"),
    birth_date=date(1940, 5, 4),
    gender="female",
    postcode="SS0 7AA",
    phone="01632 960001",
)
ASKED = replace(KNOWN, reference=None)


def test_a_verified_number_and_an_equal_birth_date_link() -> None:
    assert identity.assess(ASKED, [KNOWN]).link == "Patient/1"


@pytest.mark.parametrize(
    "change",
    [
        {"nhs_number": "9990000026"},
        {"nhs_number": None},
        {"nhs_number_verified": False},
        {"birth_date": date(1940, 5, 5)},
        {"birth_date": None},
    ],
)
def test_nothing_less_links(change: dict[str, object]) -> None:
    less = replace(ASKED, **change)  # type: ignore[arg-type]

    assert identity.assess(less, [KNOWN]).link is None
    assert identity.assess(ASKED, [replace(KNOWN, **change)]).link is None  # type: ignore[arg-type]


def test_a_number_that_fails_modulus_11_is_never_a_key() -> None:
    wrong = replace(ASKED, nhs_number="9990000010")

    assert identity.key(wrong) is None
    assert identity.key(ASKED) == "9990000018"
    assert identity.assess(wrong, [replace(KNOWN, nhs_number="9990000010")]).link is None


def test_two_records_with_one_number_are_for_a_person_to_look_at() -> None:
    twin = replace(KNOWN, reference="Patient/2")

    found = identity.assess(ASKED, [KNOWN, twin])

    assert found.link is None
    assert [match.reference for match in found.suggestions] == ["Patient/1", "Patient/2"]


def test_spelling_and_spaces_do_not_count() -> None:
    asked = Identity(
        family="ONEILL",
        given=("Ann",),
        postcode="ss07aa",
        phone="+44 1632 960001",
        birth_date=date(1940, 5, 4),
    )

    match = identity.compare(asked, KNOWN)

    assert match.score == 100
    assert match.differs == ()
    assert not match.proof


def test_slips_of_the_keyboard_score_between() -> None:
    def score(day: date) -> int:
        return identity.compare(Identity(birth_date=day, family="O'Neill"), KNOWN).score

    assert score(date(1940, 5, 4)) > score(date(1940, 4, 5)) > score(date(1940, 5, 6))
    assert score(date(1940, 5, 6)) > score(date(1951, 9, 23))


def test_names_that_are_alike_score_between() -> None:
    def score(family: str) -> int:
        return identity.compare(
            Identity(family=family, birth_date=date(1940, 5, 4), postcode="SS0 7AA"), KNOWN
        ).score

    assert score("ONeill") > score("ONeil") > score("Smith")
    assert score("X") == score("Smith")


def test_little_knowledge_is_little_score() -> None:
    match = identity.compare(Identity(family="O'Neill"), KNOWN)

    assert match.score < identity.SUGGEST_FROM
    assert identity.assess(Identity(family="O'Neill"), [KNOWN]).suggestions == ()
    assert identity.compare(Identity(), KNOWN).score == 0


TWIN = replace(KNOWN, reference="Patient/2", nhs_number="9990000026", given=("Maeve",), phone=None)


def test_the_number_of_the_twin_links_nobody() -> None:
    mistaken = replace(ASKED, given=("Maeve",))

    assert identity.assess(mistaken, [KNOWN]).link is None
    assert identity.assess(mistaken, [KNOWN, TWIN]).link is None
    assert identity.certain([identity.compare(mistaken, KNOWN)]) is None


def test_a_twin_whose_first_name_fits_better_stops_the_link() -> None:
    jeanette = replace(KNOWN, given=("Jeanette",))
    jean = replace(TWIN, given=("Jean",))
    asked = replace(ASKED, given=("Jean",))

    assert identity.assess(asked, [jeanette]).link == "Patient/1"
    assert identity.assess(asked, [jeanette, jean]).link is None


@pytest.mark.parametrize(
    ("on_record", "written"),
    [
        ("Margaret", "Peggy"),
        ("Kenneth", "K"),
        ("Mohammed", "Muhammad"),
        ("Robert", "Bob"),
        ("Elspeth", "Elspteh"),
        ("Christine", "Chris"),
        ("Ann", "Anne"),
    ],
)
def test_what_people_are_called_and_a_slip_do_not_stop_a_link(on_record: str, written: str) -> None:
    known = replace(KNOWN, given=(on_record,))

    assert identity.assess(replace(ASKED, given=(written,)), [known]).link == "Patient/1"
    match = identity.compare(replace(ASKED, given=(written,)), known)
    assert not match.is_another_name
    assert match.score > identity.compare(replace(ASKED, given=("Zara",)), known).score


def test_without_a_first_name_the_rule_stands() -> None:
    assert identity.assess(replace(ASKED, given=()), [KNOWN]).link == "Patient/1"


@pytest.mark.parametrize(
    ("day", "swapped"),
    [
        (date(1940, 5, 4), date(1940, 4, 5)),
        (date(1940, 5, 13), None),
        (date(1940, 5, 5), None),
        (date(1940, 2, 12), date(1940, 12, 2)),
    ],
)
def test_day_and_month_swapped(day: date, swapped: date | None) -> None:
    assert identity.day_and_month_swapped(day) == swapped
