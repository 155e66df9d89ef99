"""Who a referral is about, found among people on record who resemble one another."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from flask import Flask

from hub.domain.actor import hub_actor
from hub.domain.identity import Identity
from hub.services import identification
from hub.transaction import transaction
from tests.bench.crowd import Crowd, draw
from tests.bench.matching import Measured, keep, measure

_HUB = hub_actor("test")
_FLOOR = 0.95
"""At least so many of those who are not linked have the right person among the first three."""


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    return draw(150, inflation=0.2, seed=7)


@pytest.fixture
def measured(app: Flask, crowd: Crowd) -> Measured:
    with transaction():
        keep(crowd.records)
        return measure(crowd)


def test_no_link_is_wrong_and_the_right_person_is_suggested(
    measured: Measured, crowd: Crowd
) -> None:
    assert [(case.kind, link) for case, link in measured.wrong] == []
    assert measured.whole.linked >= 40, "without links nothing is shown"
    assert measured.recall >= 0.85
    assert measured.share(measured.whole.third) >= _FLOOR
    # What speaks against a link by itself is in the crowd.
    assert {"number of the twin", "not on record, number of the twin"} <= set(measured.kinds)
    assert not any(
        measured.kinds[kind].linked for kind in measured.kinds if kind.startswith("no number")
    )


def test_people_are_found_although_a_slip_hides_them(app: Flask) -> None:
    """Each kind that one search alone would miss is found by another one."""
    crowd = draw(120, inflation=0, seed=3)
    with transaction():
        keep(crowd.records)
        for case in crowd.cases:
            if case.truth and "another number" not in case.kind:
                found = identification.assess(_HUB, case.asked)
                shown = {match.reference for match in found.suggestions}
                assert case.truth & shown, case.kind


ADA = Identity(
    reference="Patient/ada",
    family="Thorogood",
    given=("Margaret",),
    birth_date=date(1940, 5, 4),
    gender="female",
    postcode="SS0 7AA",
)


@pytest.mark.parametrize(
    "slips",
    [
        # What each search alone finds.
        {"birth_date": date(1940, 4, 5), "family": "Thorogod", "postcode": "SS9 9ZZ"},
        {"birth_date": date(1952, 9, 23), "given": ("Peggy",)},
        {"birth_date": date(1952, 9, 23), "family": "Wakeling"},
        {"birth_date": date(1950, 5, 4), "postcode": "SS9 9ZZ"},
    ],
)
def test_each_search_finds_whom_the_others_miss(app: Flask, slips: dict[str, Any]) -> None:
    with transaction():
        keep([ADA])
        found = identification.assess(_HUB, replace(ADA, reference=None, **slips))
    assert [match.reference for match in found.suggestions] == ["Patient/ada"]
