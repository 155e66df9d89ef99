"""A clock as the log of what happened to it: any moment's reading is computed from it again.

Source: the care model, section 4 ("clocks that explain themselves"). The log is append-only; the
row of the clock is a cache of it. A pause whose reason the rule does not know is in the log and
counts for nothing: it cannot hide work.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from hub.domain import clocks
from hub.domain.calendars import AROUND_THE_CLOCK, Calendar
from hub.domain.clocks import ClockRule, Pause, Reading
from hub.domain.errors import RuleError


class ClockEventKind(StrEnum):
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    REOPEN = "reopen"
    """The task was opened again (undo): the clock runs on as if it had never stopped."""
    RE_RULE = "re-rule"
    """Another clock of the same task takes over: this one stops."""


class ClockState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ClockEvent:
    """One entry of the log. ``reason`` is the code of a pause or the status that stopped it."""

    kind: ClockEventKind
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """What a clock shows at one instant, with its pauses counted and as if it had none."""

    state: ClockState
    at: datetime
    """The instant that was read; of a stopped clock, when it stopped."""
    reading: Reading
    without_pauses: Reading
    stopped_at: datetime | None = None
    stop_reason: str | None = None
    pauses: tuple[Pause, ...] = field(default=())
    """The pauses that this rule knows."""

    @property
    def breached_without_pauses(self) -> bool:
        return self.without_pauses.breached


def started_at(events: Sequence[ClockEvent]) -> datetime:
    """Return when the clock began. Raises RuleError for a log that does not begin with a start."""
    if not events or events[0].kind is not ClockEventKind.START:
        raise RuleError("the log of a clock begins with its start", field="events")
    return events[0].at


def holds_of(events: Iterable[ClockEvent]) -> tuple[Pause, ...]:
    """Return every pause of the log, known to the rule or not; the last may be open."""
    found: list[Pause] = []
    opened: ClockEvent | None = None
    for event in events:
        if event.kind is ClockEventKind.PAUSE:
            if opened is not None:
                found.append(Pause(opened.at, event.at, opened.reason or ""))
            opened = event
        elif event.kind is not ClockEventKind.START and opened is not None:
            # Whatever ends the work ends the pause with it.
            found.append(Pause(opened.at, event.at, opened.reason or ""))
            opened = None
    if opened is not None:
        found.append(Pause(opened.at, None, opened.reason or ""))
    return tuple(found)


def pauses_of(events: Iterable[ClockEvent], rule: ClockRule) -> tuple[Pause, ...]:
    """Return the pauses that count for this rule."""
    return tuple(each for each in holds_of(events) if each.reason in rule.pause_reasons)


def stop_of(events: Iterable[ClockEvent]) -> ClockEvent | None:
    """Return the event that stopped the clock for good, None while it lives."""
    last: ClockEvent | None = None
    for event in events:
        if event.kind in (ClockEventKind.STOP, ClockEventKind.RE_RULE):
            last = event
        elif event.kind is ClockEventKind.REOPEN:
            last = None
    return last


def as_of(events: Iterable[ClockEvent], instant: datetime) -> tuple[ClockEvent, ...]:
    """Return the log as it stood at an instant, events of that instant included."""
    return tuple(event for event in events if event.at <= instant)


def recompute(
    events: Sequence[ClockEvent],
    rule: ClockRule,
    now: datetime,
    calendar: Calendar = AROUND_THE_CLOCK,
) -> Status:
    """Return what the clock showed at ``now``, from the events up to then and nothing else."""
    # A clock may be started from an instant before it was written down, never from one ahead.
    known = as_of(events, now) or tuple(events[:1])
    started = started_at(known)
    pauses = pauses_of(known, rule)
    stopped = stop_of(known)
    at = stopped.at if stopped else now
    state = ClockState.RUNNING
    if stopped:
        state = ClockState.STOPPED
    elif pauses and pauses[-1].ends_at is None:
        state = ClockState.PAUSED
    return Status(
        state=state,
        at=at,
        reading=clocks.read(rule, started, at, calendar, pauses),
        without_pauses=clocks.read(rule, started, at, calendar),
        stopped_at=stopped.at if stopped else None,
        stop_reason=stopped.reason if stopped else None,
        pauses=pauses,
    )


@dataclass(frozen=True, slots=True)
class Cached:
    """What the row of a clock keeps of its log."""

    started_at: datetime
    due_at: datetime
    """As it stood when the last event was written: of a paused clock, when the pause began."""
    pauses: tuple[Pause, ...]
    stopped_at: datetime | None
    stop_reason: str | None

    @property
    def stands(self) -> bool:
        """Stopped or paused: no step of a policy comes."""
        return self.stopped_at is not None or bool(self.pauses and self.pauses[-1].ends_at is None)


def cache_of(
    events: Sequence[ClockEvent], rule: ClockRule, calendar: Calendar = AROUND_THE_CLOCK
) -> Cached:
    """Return what the row must say. Raises RuleError for a log without its start."""
    started, pauses, stopped = started_at(events), pauses_of(events, rule), stop_of(events)
    last = max(event.at for event in events)
    return Cached(
        started_at=started,
        due_at=clocks.due_at(rule, started, calendar, pauses, last),
        pauses=pauses,
        stopped_at=stopped.at if stopped else None,
        stop_reason=stopped.reason if stopped else None,
    )


def breach_words(status: Status, now: datetime) -> str:
    """Return ``breaches in 1 h 20 min``, ``breached 20 min ago`` or what stands in its place."""
    due = status.reading.due_at
    if status.state is ClockState.STOPPED:
        if not status.reading.breached:
            return "stopped in time"
        return f"stopped {span_words(status.at - due)} late"
    if status.state is ClockState.PAUSED:
        return f"paused with {span_words(due - now)} left"
    if now >= due:
        return f"breached {span_words(now - due)} ago"
    return f"breaches in {span_words(due - now)}"


def span_words(span: timedelta) -> str:
    """Return a length of time in its two largest units: ``2 d 3 h``, ``1 h 20 min``, ``5 min``."""
    minutes = int(max(span, timedelta(0)).total_seconds() // 60)
    days, rest = divmod(minutes, 1440)
    hours, left = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {left} min" if left else f"{hours} h"
    return f"{left} min"
