"""The clock of a task as a panel: one phrase, the two due instants, where the time went."""

from dataclasses import dataclass
from datetime import timedelta

from hub.domain import clock_log, clock_spans
from hub.domain.clock_spans import STANDS, Cause
from hub.services.clock_histories import History
from hub.web import directory
from hub.web.presenters import words

_CAUSES = {
    Cause.PAUSED: "Paused",
    Cause.CLOSED: "Service closed",
    Cause.ON_HOLD: "On hold, clock running",
    Cause.WAITING: "Waiting in the pool of",
    Cause.WITH_OWNER: "With",
    Cause.RUNNING: "Running",
    Cause.STOPPED: "Stopped",
}


@dataclass(frozen=True, slots=True)
class Share:
    words: str
    length: str
    part: int
    """Whole percent of the time since the start."""
    stands: bool
    """The clock did not run then."""


@dataclass(frozen=True, slots=True)
class ClockPanel:
    title: str
    phrase: str
    late: bool
    used: str
    due: str
    due_without: str
    """Empty where pauses changed nothing."""
    late_without: bool
    started: str
    shares: tuple[Share, ...]


def panel(found: History | None) -> ClockPanel | None:
    if found is None:
        return None
    reading, without = found.status.reading, found.status.without_pauses
    sums = clock_spans.totals(found.spans)
    whole = sum((each.total_seconds() for each in sums.values()), 0.0) or 1.0
    return ClockPanel(
        title=found.rule.title,
        phrase=found.words[:1].upper() + found.words[1:],
        late=reading.breached,
        used=f"{round(reading.share * 100)}%",
        due=words.moment(reading.due_at),
        due_without="" if without.due_at == reading.due_at else words.moment(without.due_at),
        late_without=without.breached,
        started=words.moment(found.events[0].at),
        shares=tuple(
            Share(
                _words(cause, detail),
                clock_log.span_words(length),
                round(length.total_seconds() * 100 / whole),
                cause in STANDS,
            )
            for (cause, detail), length in sums.items()
            if length >= timedelta(minutes=1)
        ),
    )


def _words(cause: Cause, detail: str) -> str:
    if cause in (Cause.WAITING, Cause.WITH_OWNER):
        return f"{_CAUSES[cause]} {directory.name_of(detail)}"
    if cause in (Cause.PAUSED, Cause.ON_HOLD):
        return f"{_CAUSES[cause]}: {words.inside(directory.words_of('hold-reasons', detail))}"
    return _CAUSES[cause]
