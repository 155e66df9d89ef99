"""Who can help with what, for whom, where and when, asked of the sample district."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from hub.domain import calendars, service_finder
from hub.domain.capacity import Capacity
from hub.domain.definition import HubDefinition
from hub.domain.service_finder import Asked, Found
from hub.samples import SOUTHEND
from hub.services import definition_files

SUNDAY_EVENING = datetime(2026, 11, 29, 19, 0, tzinfo=UTC)
MONDAY = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def hub() -> HubDefinition:
    return definition_files.build(definition_files.read(SOUTHEND))


def find(
    hub: HubDefinition,
    words: str,
    at: datetime = MONDAY,
    capacities: Mapping[str, Capacity] | None = None,
    now: datetime = MONDAY,
    **more: object,
) -> list[Found]:
    asked = Asked(at, words, **more)  # type: ignore[arg-type]
    return service_finder.find(hub, asked, capacities or {}, now=now)


def codes(found: list[Found]) -> list[str]:
    return [each.service.code for each in found]


def test_a_catheter_on_sunday_evening_in_ss1(hub: HubDefinition) -> None:
    found = find(hub, "Who can help with a blocked catheter?", SUNDAY_EVENING, postcode="SS1")

    helping = [each for each in found if each.helps and each.is_open]
    assert helping
    assert {each.service.code for each in helping} <= {"district-nursing", "district-nursing-east"}
    for each in helping:
        assert not each.service.areas or "central" in each.service.areas


def test_words_are_found_without_their_endings(hub: HubDefinition) -> None:
    assert codes(find(hub, "fell twice")) == codes(find(hub, "fell")) == ["falls"]
    assert "district-nursing" in codes(find(hub, "wound"))
    assert codes(find(hub, "wound")) == codes(find(hub, "wounds"))
    assert codes(find(hub, "hearing"))[0] == "audiology"


def test_the_name_counts_more_than_what_is_said_of_it(hub: HubDefinition) -> None:
    assert codes(find(hub, "falls"))[0] == "falls"
    assert codes(find(hub, "reablement"))[0] == "reablement"


def test_who_is_closed_comes_after_who_is_open_and_says_when(hub: HubDefinition) -> None:
    (closed,) = find(hub, "hearing", SUNDAY_EVENING)
    assert not closed.is_open
    assert closed.opens_at == calendars.next_open(hub.calendars["weekday"], SUNDAY_EVENING)
    assert closed.opens_at.date() == MONDAY.date()
    everything = find(hub, "", SUNDAY_EVENING)
    assert len(everything) == len(hub.services)
    open_ = [each.is_open for each in everything if each.helps]
    assert open_ == sorted(open_, reverse=True)


def test_who_is_not_for_this_age_or_place_says_so_and_comes_last(hub: HubDefinition) -> None:
    young = find(hub, "hearing", age=30)
    assert (young[0].helps, young[0].obstacles) == (False, ("only from 50 years",))
    assert find(hub, "hearing", age=50)[0].helps
    old = {each.service.code: each for each in find(hub, "", age=80)}
    assert old["children"].obstacles == ("only up to 25 years",)

    far = find(hub, "wounds", postcode="CM1 1AA")
    assert all(each.obstacles == ("CM1 1AA is in no area of the hub",) for each in far)


@pytest.mark.parametrize(
    ("postcode", "area"),
    [
        ("SS0 1AA", "westcliff"),
        ("ss01aa", "westcliff"),
        ("SS1", "central"),
        ("", None),
        ("X", None),
    ],
)
def test_a_postcode_is_read_as_people_write_it(
    postcode: str, area: str | None, hub: HubDefinition
) -> None:
    assert service_finder.area_of(hub, postcode) == area


def test_words_that_say_nothing_find_everything(hub: HubDefinition) -> None:
    assert len(find(hub, "who can help")) == len(hub.services)
    assert find(hub, "xylophone") == []


def said(places: int, hours: float = 0) -> Capacity:
    return Capacity(places, MONDAY - timedelta(hours=hours), "Practitioner/lee")


NURSES = ("district-nursing", "district-nursing-east")


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (said(3), None),
        (None, said(0)),
        # Full this morning says nothing of tomorrow: less than a word of today.
        (said(0, hours=30), said(0, hours=1)),
        (said(2, hours=1), said(9, hours=20)),
    ],
)
def test_who_has_places_comes_first_and_an_old_word_counts_less(
    hub: HubDefinition, first: int, one: Capacity | None, other: Capacity | None
) -> None:
    better, worse = NURSES[first], NURSES[1 - first]
    told = {code: each for code, each in ((better, one), (worse, other)) if each}

    found = codes(find(hub, "catheter", capacities=told))

    assert found.index(better) < found.index(worse)


def test_who_is_full_comes_after_everybody_whom_the_words_fit_less(hub: HubDefinition) -> None:
    words = "wounds hearing"
    (best, *others) = codes(find(hub, words))
    full = codes(find(hub, words, capacities={best: said(0)}))
    assert full[-1] == best
    assert full[:-1] == others
    assert codes(find(hub, words, capacities={best: said(0, hours=9)}))[0] == best


def test_what_is_said_today_says_nothing_of_next_week(hub: HubDefinition) -> None:
    later = MONDAY + timedelta(days=7)
    found = find(hub, "catheter", later, capacities={NURSES[0]: said(0)})
    assert {each.capacity for each in found} == {None}
    assert codes(found) == codes(find(hub, "catheter", later))
