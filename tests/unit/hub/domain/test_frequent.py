"""Frequent fallers and callers: days are counted, once each, within the window, by the rules."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.definition import HubDefinition
from hub.domain.frequent import Contact, FrequentRule, found
from hub.samples import SOUTHEND
from hub.services import definition_files

NOW = datetime(2026, 12, 27, 10, tzinfo=UTC)
TODAY = NOW.date()
FALLS = FrequentRule(
    "falls",
    "Frequent faller",
    "falls",
    at_least=3,
    days=365,
    words=("fell", "falls"),
    unless=("no falls",),
    codes=("1912002",),
    sources=("ambulance",),
    classes=("EMER",),
)


def ago(days: int, text: str = "Fell at home", **more: object) -> Contact:
    return Contact(TODAY - timedelta(days=days), text, **more)  # type: ignore[arg-type]


def test_so_many_days_within_the_window_are_named_the_newest_first() -> None:
    (met,) = found([ago(300), ago(2), ago(40)], [FALLS], NOW)
    assert met.days == (ago(2).on, ago(40).on, ago(300).on)
    assert met.rule is FALLS


@pytest.mark.parametrize(
    "contacts",
    [
        [ago(1), ago(2)],
        # One day, however many records say it.
        [ago(1), ago(2), ago(2, "Fell again")],
        # A day too old, and one that lies ahead.
        [ago(1), ago(2), ago(365)],
        [ago(1), ago(2), ago(-1)],
        # Denied, or another word.
        [ago(1), ago(2), ago(3, "No falls")],
        [ago(1), ago(2), ago(3, "Waterfalls")],
    ],
)
def test_what_does_not_count_does_not_reach_it(contacts: list[Contact]) -> None:
    assert found(contacts, [FALLS], NOW) == []


@pytest.mark.parametrize(
    "third",
    [
        ago(364, "", codes=frozenset({"1912002"})),
        ago(3, "", source="ambulance"),
        ago(3, "", kind="EMER"),
        ago(3, "She FELL, no falls before"),
    ],
)
def test_words_codes_sources_and_classes_count(third: Contact) -> None:
    assert found([ago(1), ago(2), third], [FALLS], NOW)


@given(st.lists(st.integers(0, 500), max_size=12), st.integers(0, 500))
def test_one_more_contact_never_takes_it_away(days: list[int], more: int) -> None:
    before = found([ago(each) for each in days], [FALLS], NOW)
    after = found([ago(each) for each in [*days, more]], [FALLS], NOW)
    assert len(after) >= len(before)
    for met in after:
        assert len(met.days) >= FALLS.at_least
        assert list(met.days) == sorted(set(met.days), reverse=True)
        assert all(TODAY - timedelta(days=365) < each <= TODAY for each in met.days)


def test_the_samples_rules_find_callers_and_fallers() -> None:
    hub: HubDefinition = definition_files.build(definition_files.read(SOUTHEND))
    calls = [Contact(date(2026, 12, day), "", source="ambulance") for day in (1, 5, 9, 13)]
    assert [each.rule.code for each in found(calls, hub.frequent, NOW)] == ["ambulance"]
    assert found([replace(each, source="gp") for each in calls], hub.frequent, NOW) == []
