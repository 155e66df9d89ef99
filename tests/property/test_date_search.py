"""Dates of every precision and time zone under every prefix, against an oracle of whole numbers.

The oracle knows https://hl7.org/fhir/R4/search.html#prefix and nothing of the hub: a date is an
interval of microseconds since the year 1, made with the calendar module.
"""

import calendar
from datetime import date
from typing import NamedTuple

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub import records
from hub.domain.actor import Actor

MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE


class Span(NamedTuple):
    """From the first microsecond to before the second."""

    low: int
    high: int


def _days(year: int, month: int, day: int) -> int:
    return date(year, month, day).toordinal() * DAY


@st.composite
def written(draw: st.DrawFn, *, stored: bool) -> tuple[str, Span]:
    """Draw a date as it is written, and what it stands for.

    Only a search may leave out the seconds, and the time zone, which is then UTC.
    """
    year, month = draw(st.integers(2019, 2021)), draw(st.sampled_from([1, 2, 3, 6, 12]))
    last = calendar.monthrange(year, month)[1]
    day = draw(st.sampled_from([1, 2, 15, last - 1, last]))
    precisions = ["year", "month", "day", "second", "fraction", *([] if stored else ["minute"])]
    precision = draw(st.sampled_from(precisions))
    if precision == "year":
        return f"{year}", Span(_days(year, 1, 1), _days(year + 1, 1, 1))
    if precision == "month":
        following = (year + 1, 1) if month == 12 else (year, month + 1)
        return f"{year}-{month:02}", Span(_days(year, month, 1), _days(*following, 1))
    text, low = f"{year}-{month:02}-{day:02}", _days(year, month, day)
    if precision == "day":
        return text, Span(low, low + DAY)
    hour, minute = draw(st.sampled_from([0, 1, 12, 23])), draw(st.sampled_from([0, 30, 59]))
    sign, offset = draw(st.sampled_from([("+", 0), ("+", 60), ("-", 330), ("+", 840), ("-", 720)]))
    zone = f"{sign}{offset // 60:02}:{offset % 60:02}"
    if offset == 0:
        zone = draw(st.sampled_from([zone, "Z", *([] if stored else [""])]))
    moved = offset if sign == "-" else -offset
    text += f"T{hour:02}:{minute:02}"
    low += (hour * 60 + minute + moved) * MINUTE
    if precision == "minute":
        return text + zone, Span(low, low + MINUTE)
    second = draw(st.sampled_from([0, 1, 59]))
    low += second * 1_000_000
    if precision == "second":
        return f"{text}:{second:02}{zone}", Span(low, low + 1_000_000)
    digits = draw(st.integers(1, 6))
    fraction = draw(st.sampled_from([0, 1, 5, 9])) * 10 ** (digits - 1)
    width = 10 ** (6 - digits)
    return (
        f"{text}:{second:02}.{fraction:0{digits}}{zone}",
        Span(low + fraction * width, low + fraction * width + width),
    )


def meets(prefix: str, value: Span, target: Span) -> bool:
    """Say what the table of prefixes says of two ranges."""
    contains = value.low <= target.low and target.high <= value.high
    match prefix:
        case "" | "eq":
            return contains
        case "ne":
            return not contains
        case "gt":
            return target.high > value.high
        case "lt":
            return target.low < value.low
        case "ge":
            return target.high > value.high or contains
        case "le":
            return target.low < value.low or contains
        case "sa":
            return target.low >= value.high
        case "eb":
            return target.high <= value.low
    raise AssertionError(prefix)


PREFIXES = ("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")


@pytest.mark.slow
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(written(stored=True), min_size=2, max_size=8),
    st.lists(written(stored=False), min_size=1, max_size=4),
)
def test_dates_are_compared_as_the_ranges_they_stand_for(
    app: Flask,
    system_actor: Actor,
    stored: list[tuple[str, Span]],
    asked: list[tuple[str, Span]],
) -> None:
    spans = {
        records.create(
            system_actor,
            {
                "resourceType": "Procedure",
                "status": "completed",
                "subject": {"reference": "Patient/x"},
                "performedDateTime": text,
            },
        ).id: (text, span)
        for text, span in stored
    }
    for text, value in asked:
        for prefix in PREFIXES:
            page = records.search(
                system_actor, "Procedure", [("date", prefix + text), ("_id", ",".join(spans))]
            )
            found = {spans[record.id][0] for record in page.records}
            expected = {other for other, span in spans.values() if meets(prefix, value, span)}
            assert found == expected, prefix + text
