"""Work that does not move although nobody is late yet: passed about, put down, or never looked at.

Source: the issue of routing ("stuck work: ping-pong, zombie, silent, circular"); the care model,
section 3: "a referral that bounces back, waits unseen". Time is counted while somebody could have
worked: urgent work by the clock on the wall, other work while its team is open.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hub.domain import calendars
from hub.domain.calendars import AROUND_THE_CLOCK, Calendar
from hub.domain.errors import RuleError
from hub.domain.task_states import TaskStatus


class Sign(StrEnum):
    """How work is stuck."""

    PING_PONG = "ping-pong"
    """It has had several owners, one after the other."""
    CIRCULAR = "circular"
    """It came back to somebody who had it before."""
    SILENT = "silent"
    """Somebody was given it and has neither accepted nor declined."""
    ZOMBIE = "zombie"
    """Somebody accepted it, and since then nothing was written."""


@dataclass(frozen=True, slots=True)
class StuckPolicy:
    """From when on work counts as stuck. Minutes are those in which the team is open."""

    owners: int = 3
    """People who have had it, one after the other."""
    silent_minutes: int = 240
    silent_urgent_minutes: int = 15
    zombie_minutes: int = 960
    zombie_urgent_minutes: int = 60

    def __post_init__(self) -> None:
        if self.owners < 2:
            raise RuleError("one owner is no ping-pong: from 2 on", field="owners")

    def minutes(self, sign: Sign, *, urgent: bool) -> timedelta:
        """Return how long work may rest before it counts as silent or as a zombie."""
        silent = sign is Sign.SILENT
        if urgent:
            number = self.silent_urgent_minutes if silent else self.zombie_urgent_minutes
        else:
            number = self.silent_minutes if silent else self.zombie_minutes
        return timedelta(minutes=number)

    @property
    def shortest(self) -> timedelta:
        """Return the time before which no work is silent or a zombie."""
        return timedelta(minutes=min(self.silent_urgent_minutes, self.zombie_urgent_minutes))


@dataclass(frozen=True, slots=True)
class OpenWork:
    """What the rule looks at in one open task."""

    status: TaskStatus
    owner: str
    """``Practitioner/<id>`` or ``CareTeam/<id>``."""
    urgent: bool
    owners: Sequence[str]
    """Whoever has had it, oldest spell first, the present owner last; pools and desks too."""
    held_since: datetime
    """When the present owner got it."""
    written_at: datetime
    """When anything was last written to it."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """One sign, since when it shows, and why in plain words."""

    sign: Sign
    since: datetime
    words: str


def signs(
    work: OpenWork, policy: StuckPolicy, calendar: Calendar, now: datetime
) -> tuple[Stuck, ...]:
    """Return how a task is stuck now; empty where it is not. A hold has its own review."""
    found = []
    people = _people(work.owners)
    if len(set(people)) >= policy.owners:
        words = f"{len(set(people))} people have had it"
        found.append(Stuck(Sign.PING_PONG, work.held_since, words))
    if len(people) > len(set(people)):
        times = people.count(people[-1])
        back = "it came back to who had it before" if times > 1 else "somebody has had it twice"
        found.append(Stuck(Sign.CIRCULAR, work.held_since, back))
    if work.owner.startswith("Practitioner/"):
        # While the team is closed nobody is expected to look, except at urgent work.
        basis = AROUND_THE_CLOCK if work.urgent else calendar
        found += _resting(work, policy, basis, now)
    return tuple(found)


def _resting(
    work: OpenWork, policy: StuckPolicy, basis: Calendar, now: datetime
) -> Iterable[Stuck]:
    if work.status in {TaskStatus.REQUESTED, TaskStatus.RECEIVED}:
        sign, since, words = Sign.SILENT, work.held_since, "neither accepted nor declined"
    elif work.status in {TaskStatus.ACCEPTED, TaskStatus.READY, TaskStatus.IN_PROGRESS}:
        sign, since, words = Sign.ZOMBIE, work.written_at, "accepted, and nothing written since"
    else:
        return
    allowed = policy.minutes(sign, urgent=work.urgent)
    if calendars.open_time_between(basis, since, now) >= allowed:
        yield Stuck(sign, calendars.add_open_time(basis, since, allowed), words)


def _people(owners: Sequence[str]) -> list[str]:
    """Return the people who had it in turn: a pool in between does not make a new owner."""
    found: list[str] = []
    for owner in owners:
        if owner.startswith("Practitioner/") and (not found or found[-1] != owner):
            found.append(owner)
    return found
