"""A policy played over clocks that have run: who would have been told, when, and how often.

Pure: the clocks, who had the work and who stood round it come in as facts. What cannot be played
is said: had a step re-routed work at another moment, somebody else would have had it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from hub.domain import calendars, escalation, escalation_targets
from hub.domain.calendars import AROUND_THE_CLOCK, Calendar
from hub.domain.escalation import EscalationPolicy, Moments, Taken
from hub.domain.escalation_targets import Circle

NIGHT_STARTS, NIGHT_ENDS = 21, 7
"""Local hours: whoever is told between them is woken or kept from rest."""

_FOR_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Had:
    """Somebody had the work from ``starts`` on."""

    starts: datetime
    owner: str
    team: str | None


@dataclass(frozen=True, slots=True)
class Ring:
    """One step that told people."""

    at: datetime
    task: str
    """Id of the Task."""
    policy: str
    step: str
    """Code of the step."""
    repeat: int
    recipients: tuple[str, ...]
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock as it ran."""

    task: str
    policy: EscalationPolicy
    """The one that was frozen when it started."""
    moment_of: Moments
    ended: datetime
    """When it stopped, or when the trial ends."""
    hours: Calendar = AROUND_THE_CLOCK
    had: tuple[Had, ...] = ()
    """In order; the first from before or at the start."""
    stood: tuple[tuple[datetime, datetime], ...] = ()
    """Pauses."""
    acknowledged: tuple[tuple[datetime, int], ...] = ()
    """When somebody acknowledged, and up to which percent; in order."""


CircleAt = Callable[[str, str | None, datetime], Circle]
"""Gives who stands round work of an owner and a team at an instant."""


def play(policy: EscalationPolicy, clock: Clock, circle_at: CircleAt) -> list[Ring]:
    """Return what a policy would have done while a clock ran, in order of time."""
    rings: list[Ring] = []
    log: list[Taken] = []
    steps = policy.steps
    while True:
        found = None
        level = 0
        for heard_at, percent in ((datetime.min.replace(tzinfo=UTC), 0), *clock.acknowledged):
            if found is not None and found.at < heard_at:
                break
            # Nobody could acknowledge what this policy had not said by then.
            said = max((steps[each.step].percent for each in log if each.at <= heard_at), default=0)
            level = max(level, min(percent, said))
            found = escalation.next_step(
                policy,
                clock.moment_of,
                log,
                _FOR_EVER,
                acknowledged=level,
                calendar=clock.hours,
            )
            if found is None:
                break
        if found is None:
            return rings
        at = _after_pauses(found.at, clock.stood)
        if at > clock.ended:
            return rings
        log.append(Taken(found.number, found.repeat, at, found.passed))
        if found.passed:
            continue
        owner, team = _who_had(clock.had, at)
        heard = escalation_targets.whom(
            escalation.recipients_of(found.step, level), circle_at(owner, team, at)
        )
        rings.append(
            Ring(
                at,
                clock.task,
                policy.code,
                found.step.code,
                found.repeat,
                heard.recipients,
                found.step.outside,
            )
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """What a list of rings means for people."""

    told: int
    """People told, each step and repeat counted."""
    outside: int
    """Those of them told by telephone or mail too."""
    by_person: Counter[str] = field(default_factory=Counter)
    by_night: Counter[tuple[str, date]] = field(default_factory=Counter)
    """(person, the evening's date) -> times told in that night."""

    @property
    def nights(self) -> int:
        """Nights of one person in which they were told something."""
        return len(self.by_night)

    @property
    def worst_night(self) -> int:
        return max(self.by_night.values(), default=0)


def tally(rings: Iterable[Ring], time_zone: str = calendars.TIME_ZONE) -> Tally:
    """Count who was told, and in how many nights."""
    told = outside = 0
    people: Counter[str] = Counter()
    nights: Counter[tuple[str, date]] = Counter()
    for ring in rings:
        here = ring.at.astimezone(calendars.zone(time_zone))
        night = here.hour >= NIGHT_STARTS or here.hour < NIGHT_ENDS
        evening = here.date() - timedelta(days=1 if here.hour < NIGHT_ENDS else 0)
        for who in ring.recipients:
            told += 1
            outside += ring.outside and who.startswith("Practitioner/")
            people[who] += 1
            if night and who.startswith("Practitioner/"):
                nights[who, evening] += 1
    return Tally(told, outside, people, nights)


@dataclass(frozen=True, slots=True)
class Change:
    """One person told of one step in one way and not in the other."""

    at: datetime
    task: str
    step: str
    repeat: int
    who: str
    added: bool


def changes(before: Sequence[Ring], after: Sequence[Ring]) -> list[Change]:
    """Return what differs between two plays, in order of time."""
    was, now = _lines(before), _lines(after)
    found = [
        Change(at, *key, added=key in now)
        for key, at in {**was, **now}.items()
        if (key in was) != (key in now)
    ]
    return sorted(found, key=lambda each: (each.at, each.task, each.step, each.repeat, each.who))


def _lines(rings: Sequence[Ring]) -> dict[tuple[str, str, int, str], datetime]:
    return {
        (ring.task, ring.step, ring.repeat, who): ring.at
        for ring in rings
        for who in ring.recipients
    }


def _after_pauses(at: datetime, stood: Iterable[tuple[datetime, datetime]]) -> datetime:
    for start, end in stood:
        if start <= at < end:
            at = end
    return at


def _who_had(had: Sequence[Had], at: datetime) -> tuple[str, str | None]:
    current = had[0] if had else Had(at, "", None)
    for each in had:
        if each.starts <= at:
            current = each
    return current.owner, current.team
