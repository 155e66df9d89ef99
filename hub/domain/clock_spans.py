"""Where the time went: every minute between a clock's start and now has exactly one cause."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain, pairwise

from hub.domain import calendars, clock_log
from hub.domain.calendars import AROUND_THE_CLOCK, Calendar
from hub.domain.clock_log import ClockEvent
from hub.domain.clocks import ClockKind, ClockRule, Pause


class Cause(StrEnum):
    PAUSED = "paused"
    """A coded reason that this clock knows; ``detail`` is the reason."""
    CLOSED = "closed"
    """The service is closed; the clock of its calendar stands."""
    ON_HOLD = "on-hold"
    """Put aside for a reason that does not stop this clock; ``detail`` is the reason."""
    WAITING = "waiting"
    """Runs, and a team's pool has it; ``detail`` is the team."""
    WITH_OWNER = "with-owner"
    """Runs, and a person has it; ``detail`` is the person."""
    RUNNING = "running"
    """Runs; nobody's spell is known for it."""
    STOPPED = "stopped"


STANDS = frozenset({Cause.PAUSED, Cause.CLOSED, Cause.STOPPED})
"""Causes in which the clock does not run."""


@dataclass(frozen=True, slots=True)
class Spell:
    """Who had the work from when to when; ``ends_at`` None: still."""

    owner: str
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Span:
    """From ``starts_at`` (included) to ``ends_at`` (excluded), UTC, for one cause."""

    starts_at: datetime
    ends_at: datetime
    cause: Cause
    detail: str = ""

    @property
    def length(self) -> timedelta:
        return self.ends_at - self.starts_at


def spans(
    events: Sequence[ClockEvent],
    rule: ClockRule,
    now: datetime,
    calendar: Calendar = AROUND_THE_CLOCK,
    spells: Iterable[Spell] = (),
) -> list[Span]:
    """Return the spans from the start to ``now``, in order, without gap or overlap.

    Precedence: stopped, paused, closed, on hold, then who has it.
    """
    known = clock_log.as_of(events, now) or tuple(events[:1])
    start, now = clock_log.started_at(known).astimezone(UTC), now.astimezone(UTC)
    basis = calendar if rule.kind is ClockKind.CALENDAR else AROUND_THE_CLOCK
    holds = clock_log.holds_of(known)
    stopped = clock_log.stop_of(known)
    had = tuple(spells)
    cuts = {start, now, *_openings(basis, start, now)}
    cuts.update(event.at.astimezone(UTC) for event in known)
    ends_of = chain(
        *((each.starts_at, each.ends_at) for each in holds),
        *((each.starts_at, each.ends_at) for each in had),
    )
    cuts.update(each.astimezone(UTC) for each in ends_of if each is not None)
    edges = sorted(cut for cut in cuts if start <= cut <= now)
    found: list[Span] = []
    for begins, ends in pairwise(edges):
        if stopped is not None and begins >= stopped.at:
            cause, detail = Cause.STOPPED, stopped.reason or ""
        else:
            cause, detail = _cause(begins, rule, basis, holds, had)
        if found and (found[-1].cause, found[-1].detail) == (cause, detail):
            found[-1] = Span(found[-1].starts_at, ends, cause, detail)
        else:
            found.append(Span(begins, ends, cause, detail))
    return found


def totals(found: Iterable[Span]) -> dict[tuple[Cause, str], timedelta]:
    """Return the time of each cause, the longest first."""
    sums: dict[tuple[Cause, str], timedelta] = {}
    for span in found:
        key = (span.cause, span.detail)
        sums[key] = sums.get(key, timedelta(0)) + span.length
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def _cause(
    at: datetime,
    rule: ClockRule,
    basis: Calendar,
    holds: Sequence[Pause],
    spells: Sequence[Spell],
) -> tuple[Cause, str]:
    hold = next((each for each in holds if _during(each.starts_at, each.ends_at, at)), None)
    if hold is not None and hold.reason in rule.pause_reasons:
        return Cause.PAUSED, hold.reason
    if basis is not AROUND_THE_CLOCK and not calendars.is_open(basis, at):
        return Cause.CLOSED, ""
    if hold is not None:
        return Cause.ON_HOLD, hold.reason
    spell = next((each for each in spells if _during(each.starts_at, each.ends_at, at)), None)
    if spell is None:
        return Cause.RUNNING, ""
    waits = spell.owner.startswith("CareTeam/")
    return (Cause.WAITING if waits else Cause.WITH_OWNER), spell.owner


def _during(starts: datetime, ends: datetime | None, at: datetime) -> bool:
    return starts <= at and (ends is None or at < ends)


def _openings(basis: Calendar, start: datetime, end: datetime) -> Iterable[datetime]:
    """Return every opening and closing instant between two instants."""
    if basis is AROUND_THE_CLOCK:
        return
    day = calendars.local(basis, start).date()
    last = calendars.local(basis, end).date()
    while day <= last:
        for opened, closed in calendars.intervals(basis, day):
            yield opened
            yield closed
        day += timedelta(days=1)
