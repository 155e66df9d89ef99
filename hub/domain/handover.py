"""What those who come on shift must hear from those who leave: line by line, the critical first.

Source: the issue of routing ("handover pack at each shift change made from what changed since the
last one, acknowledged line by line, open critical items escalate"). A pack belongs to a team and to
one shift change; whoever comes on then acknowledges its lines.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hub.domain.errors import RuleError
from hub.domain.rota import Shift


class LineKind(StrEnum):
    """What a line tells of, the most pressing first."""

    BREACHED = "breached"
    """Its time is over."""
    ALERT = "alert"
    """An alert was put on, or changed, for a person whom the team looks after."""
    URGENT = "urgent"
    """Urgent work that is open."""
    LEFT = "left"
    """Open work of somebody who has gone off shift, due before they are back."""
    DUE = "due"
    """Falls due before the next shift change."""
    HOLD = "hold"
    """Put aside, to be looked at again before the next shift change."""
    UNOWNED = "unowned"
    """In the pool: nobody has it."""
    COVER = "cover"
    """The rota has a hole before the next shift change."""
    CHANGED = "changed"
    """New to the team, or given to somebody else, since the last pack."""


CRITICAL = frozenset({LineKind.BREACHED, LineKind.ALERT, LineKind.URGENT, LineKind.COVER})
"""What must be acknowledged soon: the lead, then the duty manager hear of it otherwise."""

ORDER = tuple(LineKind)


@dataclass(frozen=True, slots=True)
class HandoverPolicy:
    """How long a critical line may wait for somebody to acknowledge it, in minutes."""

    lead_minutes: int = 30
    manager_minutes: int = 60
    longest_hours: int = 24
    """How far back the first pack of a team looks, and the next shift change at the latest."""

    def __post_init__(self) -> None:
        if not 0 < self.lead_minutes < self.manager_minutes:
            raise RuleError("the lead hears before the duty manager", field="lead_minutes")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a pack."""

    kind: LineKind
    subject: str
    """``Task/<id>``, ``Flag/<id>`` ...: what it is about; one line for each subject."""
    words: str
    """What the next shift must know, in one plain sentence without clinical detail."""
    patient: str | None = None
    """``Patient/<id>``."""
    due_at: datetime | None = None

    @property
    def is_critical(self) -> bool:
        return self.kind in CRITICAL


def changes(shifts: Iterable[Shift], first: datetime, last: datetime) -> list[datetime]:
    """Return the instants after ``first``, up to ``last``, at which somebody comes on shift."""
    return sorted({each.starts_at for each in shifts if first < each.starts_at <= last})


def arranged(lines: Iterable[Line]) -> list[Line]:
    """Return one line for each subject, its most pressing; the critical first, then by deadline."""
    best: dict[str, Line] = {}
    for line in lines:
        before = best.get(line.subject)
        if before is None or ORDER.index(line.kind) < ORDER.index(before.kind):
            best[line.subject] = line
    return sorted(best.values(), key=_order)


def _order(line: Line) -> tuple[bool, int, str, str]:
    due = line.due_at.isoformat() if line.due_at else "9999"
    return (not line.is_critical, ORDER.index(line.kind), due, line.subject)


def next_alarm(policy: HandoverPolicy, made_at: datetime, told: int) -> datetime | None:
    """Return when a critical line that nobody acknowledged is told on; None: everybody knows.

    ``told`` counts who has been told: 0 nobody, 1 the lead, 2 the duty manager too.
    """
    minutes = (policy.lead_minutes, policy.manager_minutes)
    return made_at + timedelta(minutes=minutes[told]) if told < len(minutes) else None
