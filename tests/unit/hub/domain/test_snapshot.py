"""What is stored comes back equal, and equal values are stored as equal text."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

import pytest

from hub.domain import snapshot


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Inner:
    at: datetime


@dataclass(frozen=True)
class Outer:
    colour: Colour
    day: date
    hour: time
    lasts: timedelta
    inner: Inner | None
    several: tuple[Inner, ...]
    pair: tuple[str, int]
    names: frozenset[str]
    by_name: dict[str, int]


VALUE = Outer(
    colour=Colour.RED,
    day=date(2026, 12, 27),
    hour=time(8, 30),
    lasts=timedelta(minutes=5),
    inner=None,
    several=(Inner(datetime(2026, 12, 27, tzinfo=UTC)),),
    pair=("a", 1),
    names=frozenset({"b", "a"}),
    by_name={"z": 1, "a": 2},
)


def test_round_trip() -> None:
    stored = json.loads(json.dumps(snapshot.freeze(VALUE)))

    thawed = snapshot.thaw(Outer, stored)

    assert thawed == VALUE
    assert isinstance(thawed.colour, Colour)
    assert stored["names"] == ["a", "b"]


def test_what_cannot_be_stored_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        snapshot.freeze(object())
