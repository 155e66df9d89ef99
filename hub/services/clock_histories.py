"""The whole story of a task's clock at an instant: status, words, and a cause for every minute."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.domain import clock_log, clock_spans
from hub.domain.clock_log import ClockEvent, Status
from hub.domain.clock_spans import Span, Spell
from hub.domain.clocks import ClockRule
from hub.services import assignments, clocks


@dataclass(frozen=True, slots=True)
class History:
    rule: ClockRule
    at: datetime
    status: Status
    words: str
    events: Sequence[ClockEvent]
    spans: Sequence[Span]


def history(task_id: str, at: datetime) -> History | None:
    """Return the story as it stood at ``at``, of the last clock begun by then; None without one."""
    rows = [row for row in clocks.clocks_of(task_id) if row.started_at <= at]
    if not rows:
        return None
    row = rows[-1]
    rule, calendar = clocks.rule_of(row), clocks.calendar_of(row)
    events = clock_log.as_of(clocks.entries_of(row.id), at)
    status = clock_log.recompute(events, rule, at, calendar)
    spells = [
        Spell(each.owner, each.starts_at, each.ends_at) for each in assignments.spells_of(task_id)
    ]
    return History(
        rule=rule,
        at=at,
        status=status,
        words=clock_log.breach_words(status, at),
        events=events,
        # Of a stopped clock the story ends with the stop: what came after is no work.
        spans=clock_spans.spans(events, rule, status.at, calendar, spells),
    )
