"""How fast work was done: in time with and without pauses, by team, clock and day of the week.

Source: the care model, sections 4 and 5 ("seven days a week"; "pauses cannot hide work: shown with
and without"). A case is one clock. It is judged once it has stopped, or once it would be over had
it never been paused: so both shares speak of the same cases, and the one with pauses is never less.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hub.domain.clocks import Pause

WEEKEND = frozenset({5, 6})
"""``datetime.weekday`` of Saturday and Sunday."""


@dataclass(frozen=True, slots=True)
class Case:
    """One clock, as it stands now."""

    team: str
    """``CareTeam/<id>`` that has, or last had, the work."""
    rule: str
    """Clock code of the definition."""
    started_at: datetime
    due_at: datetime
    due_without: datetime
    """When it would have been due without its pauses."""
    stopped_at: datetime | None
    weekday: int
    """Of its start, 0 Monday to 6 Sunday, in the hub's time zone."""
    owners: int = 1
    """Persons who had it, one after the other."""
    paused: Mapping[str, timedelta] = field(default_factory=dict)
    """Coded reason -> how long it stood for it."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the judged ones of some cases come to."""

    cases: int
    in_time: int
    in_time_without: int
    """In time had no pause counted."""
    median: timedelta | None
    """Of the elapsed time from start to stop; what still runs counts as long as it ran so far."""
    p95: timedelta | None
    hand_offs: float
    """Changes from one person to the next, for each case."""

    @property
    def share(self) -> float | None:
        return self.in_time / self.cases if self.cases else None

    @property
    def share_without(self) -> float | None:
        return self.in_time_without / self.cases if self.cases else None


@dataclass(frozen=True, slots=True)
class Paused:
    """One reason for which clocks of a team stood."""

    team: str
    reason: str
    cases: int
    total: timedelta
    longest: timedelta


def is_judged(case: Case, now: datetime) -> bool:
    return case.stopped_at is not None or case.due_without <= now


def figures(cases: Iterable[Case], now: datetime) -> Figures:
    """Return the figures of those cases that are judged by ``now``."""
    judged = [each for each in cases if is_judged(each, now)]
    waits = sorted((each.stopped_at or now) - each.started_at for each in judged)
    return Figures(
        cases=len(judged),
        in_time=sum((each.stopped_at or now) <= each.due_at for each in judged),
        in_time_without=sum((each.stopped_at or now) <= each.due_without for each in judged),
        median=_at(waits, 50),
        p95=_at(waits, 95),
        hand_offs=sum(each.owners - 1 for each in judged) / len(judged) if judged else 0.0,
    )


def _at(waits: Sequence[timedelta], percent: int) -> timedelta | None:
    """Return the smallest wait that so many percent do not exceed (nearest rank)."""
    return waits[-(-len(waits) * percent // 100) - 1] if waits else None


def pauses(cases: Iterable[Case]) -> list[Paused]:
    """Return why clocks stood, by team and reason, what stood longest in all first."""
    found: dict[tuple[str, str], list[timedelta]] = {}
    for case in cases:
        for reason, length in case.paused.items():
            found.setdefault((case.team, reason), []).append(length)
    listed = [
        Paused(team, reason, len(lengths), sum(lengths, timedelta()), max(lengths))
        for (team, reason), lengths in found.items()
    ]
    return sorted(listed, key=lambda each: (-each.total, each.team, each.reason))


def paused_for(stops: Iterable[Pause], until: datetime) -> dict[str, timedelta]:
    """Return how long a clock stood for each reason; a pause still open counts to ``until``."""
    found: dict[str, timedelta] = {}
    for each in stops:
        length = max((each.ends_at or until) - each.starts_at, timedelta())
        found[each.reason] = found.get(each.reason, timedelta()) + length
    return found
