"""Holes over time: which of today's is one of yesterday's, and who hears of it when.

A hole keeps its row while it shrinks, grows or moves; only what is new or worse rings again.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from hub.domain.cover import SEVERITY, Hole, Missing


class Stage(StrEnum):
    """Who hears of a hole, in order."""

    LEAD = "lead"
    """At once."""
    DUTY_MANAGER = "duty-manager"
    """When it is under a day away and nobody has acknowledged it."""
    LAST_CALL = "last-call"
    """Under two hours away: lead and duty manager, acknowledged or not, for it is still there."""


BEFORE = {Stage.DUTY_MANAGER: timedelta(hours=24), Stage.LAST_CALL: timedelta(hours=2)}
"""How long before its start a hole reaches a stage."""


class Closing(StrEnum):
    """Why a hole is no more."""

    COVERED = "covered"
    JOINED = "joined"
    """Another hole of the same need has taken it in."""
    PASSED = "passed"
    """Its time went by with the hole in it."""
    NOT_NEEDED = "not-needed"
    """The hub's definition does not ask for it any more."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An open hole as its row has it."""

    id: str
    need: str
    starts_at: datetime
    ends_at: datetime
    missing: Missing
    short: int
    to_horizon: bool = False
    """It went on past what was looked at: that it grows when more is seen is no news."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one hole."""

    hole: Hole
    row: str | None
    """Id of the row that it keeps; None: it gets one."""
    like: str | None
    """For a new row: id of an open one of which it is a part, told of already."""
    rings: bool
    """It is new or worse: everybody hears of it anew."""


@dataclass(frozen=True, slots=True)
class Changes:
    """How the open rows become what was found."""

    kept: tuple[Change, ...]
    opened: tuple[Change, ...]
    closed: tuple[tuple[str, Closing], ...]


def reconcile(
    rows: Iterable[Kept], found: Iterable[Hole], now: datetime, needs: Collection[str]
) -> Changes:
    """Return how the open rows become the holes that were found.

    ``found`` was looked for from ``now`` on, so a hole that has begun starts at ``now``: it keeps
    the start of its row. ``needs`` are the codes that are asked for.
    """
    rows = sorted(rows, key=lambda row: (row.starts_at, row.id))
    holes = sorted(found, key=lambda hole: (hole.starts_at, hole.need, hole.missing))
    pairs = sorted(
        (-_overlap(row, hole), row.missing is not hole.missing, number, place)
        for number, row in enumerate(rows)
        for place, hole in enumerate(holes)
        if row.need == hole.need and _overlap(row, hole)
    )
    of_hole: dict[int, Kept] = {}
    taken: set[str] = set()
    for _, _, number, place in pairs:
        if place not in of_hole and rows[number].id not in taken:
            of_hole[place] = rows[number]
            taken.add(rows[number].id)
    kept, opened = [], []
    for place, hole in enumerate(holes):
        row = of_hole.get(place)
        if row is not None:
            begun = hole.starts_at <= now and row.starts_at < hole.starts_at
            whole = replace(hole, starts_at=row.starts_at) if begun else hole
            rings = not _told_of([row], whole)
            kept.append(Change(whole, row.id, None, rings))
        else:
            part_of = _told_of([each for each in rows if each.need == hole.need], hole)
            opened.append(Change(hole, None, part_of, rings=part_of is None))
    closed = [(row.id, _why(row, holes, now, needs)) for row in rows if row.id not in taken]
    return Changes(tuple(kept), tuple(opened), tuple(closed))


def due(
    rung: Stage | None, starts_at: datetime, now: datetime, *, acknowledged: bool
) -> list[Stage]:
    """Return the stages that are due after ``rung``, the last one rung, in order."""
    return [
        stage
        for stage in _left(rung, acknowledged=acknowledged)
        if stage is Stage.LEAD or starts_at - BEFORE[stage] <= now
    ]


def next_due(
    rung: Stage | None, starts_at: datetime, now: datetime, *, acknowledged: bool
) -> datetime | None:
    """Return when the next stage falls due; ``now`` if one is due, None when none is left."""
    moments = [
        now if stage is Stage.LEAD else max(now, starts_at - BEFORE[stage])
        for stage in _left(rung, acknowledged=acknowledged)
    ]
    return min(moments, default=None)


def _left(rung: Stage | None, *, acknowledged: bool) -> list[Stage]:
    stages = list(Stage)
    return [
        stage
        for stage in stages[stages.index(rung) + 1 if rung is not None else 0 :]
        if not (acknowledged and stage is Stage.DUTY_MANAGER)
    ]


def _told_of(rows: Iterable[Kept], hole: Hole) -> str | None:
    """Return the row that said all this already: as long, as many missing, as bad."""
    return next(
        (
            row.id
            for row in rows
            if row.starts_at <= hole.starts_at
            and (hole.ends_at <= row.ends_at or row.to_horizon)
            and hole.short <= row.short
            and SEVERITY[hole.missing] <= SEVERITY[row.missing]
        ),
        None,
    )


def _overlap(row: Kept, hole: Hole) -> timedelta:
    lasts = min(row.ends_at, hole.ends_at) - max(row.starts_at, hole.starts_at)
    # What went on at the horizon yesterday begins there today.
    touches = row.to_horizon and hole.starts_at <= row.ends_at < hole.ends_at
    return max(lasts, timedelta(microseconds=1) if touches else timedelta(0))


def _why(row: Kept, holes: Iterable[Hole], now: datetime, needs: Collection[str]) -> Closing:
    if row.ends_at <= now:
        return Closing.PASSED
    if row.need not in needs:
        return Closing.NOT_NEEDED
    if any(hole.need == row.need and _overlap(row, hole) for hole in holes):
        return Closing.JOINED
    return Closing.COVERED
