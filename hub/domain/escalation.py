"""What happens while the clock runs: warn at half time, tell the lead, re-route at breach.

Source: the care model, section 5. The policy is frozen on the task when it starts, so that an
edit of the hub definition never changes an escalation that is under way. Who hears:
``hub.domain.escalation_targets``. When hours count: ``hub.domain.escalation_hours``.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from hub.domain import escalation_hours, snapshot
from hub.domain.calendars import AROUND_THE_CLOCK, Calendar
from hub.domain.errors import RuleError
from hub.domain.escalation_hours import Otherwise, When

BREACH = 100
"""Percent of the clock at which the time is over."""


class Notified(StrEnum):
    """Who hears of a step."""

    OWNER = "owner"
    DEPUTY = "deputy"
    """Whoever stands in for an owner who is away; the owner when they are here."""
    ON_CALL = "on-call"
    TEAM_LEAD = "team-lead"
    SHIFT_LEAD = "shift-lead"
    DUTY_MANAGER = "duty-manager"


@dataclass(frozen=True, slots=True)
class Repeat:
    """The step comes again every ``minutes``, at most ``times``, until it is acknowledged."""

    minutes: int
    times: int

    def __post_init__(self) -> None:
        if self.minutes < 1 or self.times < 1:
            raise RuleError("a repeat has minutes and times from 1", field="repeat")


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """One step, taken once when ``percent`` of the clock is used."""

    code: str
    percent: int
    notify: tuple[Notified, ...]
    reroute: bool = False
    when: When | None = None
    """Hours in which it is taken; None: at any time."""
    repeat: Repeat | None = None
    outside: bool = False
    """Whether those told also hear by SMS or e-mail."""

    def __post_init__(self) -> None:
        if self.when is not None and self.reroute:
            raise RuleError("a step that re-routes waits for no hours", field="when")

    @property
    def breaks_through(self) -> bool:
        """Whether an acknowledgement cannot stop it from being taken."""
        tells_manager = self.percent >= BREACH and Notified.DUTY_MANAGER in self.notify
        return self.reroute or tells_manager


@dataclass(frozen=True, slots=True)
class EscalationPolicy:
    """The steps, in the order in which the clock comes to them."""

    code: str
    steps: tuple[EscalationStep, ...]
    quiet: When | None = None
    """Hours in which what is not urgent is not sent to telephones; None: there are none."""

    def __post_init__(self) -> None:
        percents = [step.percent for step in self.steps]
        if percents != sorted(percents) or any(percent <= 0 for percent in percents):
            raise RuleError("steps stand in the order of the clock", field="steps")
        if len({step.code for step in self.steps}) != len(self.steps):
            raise RuleError("each step has a code of its own", field="steps")
        conditional = any(step.when is not None for step in self.steps)
        certain = any(step.percent >= BREACH and step.when is None for step in self.steps)
        if conditional and not certain:
            raise RuleError(
                "a policy with hours keeps one step at 100% or later that is taken at any time",
                field="steps",
            )

    @property
    def knows_hours(self) -> bool:
        """Whether the time of day, the day or a holiday matters to it."""
        quiet = self.quiet is not None and any(step.outside for step in self.steps)
        return quiet or any(step.when is not None for step in self.steps)


DEFAULT_POLICY = EscalationPolicy(
    code="default",
    steps=(
        EscalationStep("half-time", 50, (Notified.OWNER,)),
        EscalationStep("three-quarters", 75, (Notified.TEAM_LEAD,)),
        EscalationStep("breach", BREACH, (Notified.DUTY_MANAGER,), reroute=True),
    ),
)
"""Half time: owner. Three quarters: team lead. Breach: re-route and the duty manager."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One line of the log: which step of the policy came when, for the how-manieth time."""

    step: int
    """Position in the policy, from 0."""
    repeat: int
    """0 the first time."""
    at: datetime
    passed: bool = False
    """Passed over, because its hours did not hold."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """The step to take next and when; ``is_due`` tells whether that instant has come."""

    step: EscalationStep
    at: datetime
    is_due: bool
    number: int = 0
    """Position in the policy, from 0."""
    repeat: int = 0
    passed: bool = False
    """It is only recorded: its hours do not hold and it does not wait for them."""


Moments = Callable[[int], datetime]
"""Gives the instant at which a percent of the clock is used (``clocks.instant_of``)."""


def next_step(
    policy: EscalationPolicy,
    moment_of: Moments,
    log: Collection[Taken],
    now: datetime,
    *,
    acknowledged: int = 0,
    calendar: Calendar = AROUND_THE_CLOCK,
) -> NextStep | None:
    """Return what comes next, or None when nothing does.

    Each step comes once, at its moment or at the first instant after it in its hours, whatever
    the others do; after a stop several may be due, and they come one at a time, in order. A
    repeat counts from when the one before it was taken, so that a stop is not followed by a
    burst. ``acknowledged`` is the percent of the highest step that somebody has acknowledged:
    what stands at or below it comes no more, unless it breaks through.
    """
    first = {taken.step: taken for taken in log if taken.repeat == 0}
    found: list[NextStep] = []
    for number, step in enumerate(policy.steps):
        if number in first:
            continue
        if step.percent <= acknowledged and not step.breaks_through:
            continue
        at = moment_of(step.percent)
        held = escalation_hours.first(step.when, calendar, at) if step.when else at
        passed = held is None or (
            step.when is not None and step.when.otherwise is Otherwise.SKIP and held != at
        )
        when = at if passed or held is None else held
        found.append(NextStep(step, when.astimezone(UTC), when <= now, number, passed=passed))
        if step.when is None:
            # The clock comes to the others later.
            break
    found += _repeats(policy, log, now, acknowledged, calendar)
    return min(found, key=lambda each: (each.at, each.number, each.repeat), default=None)


def _repeats(
    policy: EscalationPolicy,
    log: Collection[Taken],
    now: datetime,
    acknowledged: int,
    calendar: Calendar,
) -> list[NextStep]:
    # Another owner has the work now: what rang for the one before has ended.
    rerouted = max((taken.step for taken in log if policy.steps[taken.step].reroute), default=-1)
    last: dict[int, Taken] = {}
    for taken in log:
        if taken.step not in last or taken.repeat > last[taken.step].repeat:
            last[taken.step] = taken
    found = []
    for number, taken in sorted(last.items()):
        step = policy.steps[number]
        if (
            step.repeat is None
            or taken.passed
            or taken.repeat >= step.repeat.times
            or step.percent <= acknowledged
            or number < rerouted
        ):
            continue
        at = taken.at.astimezone(UTC) + timedelta(minutes=step.repeat.minutes)
        held = escalation_hours.first(step.when, calendar, at) if step.when else at
        if held is not None:
            found.append(NextStep(step, held, held <= now, number, repeat=taken.repeat + 1))
    return found


def recipients_of(step: EscalationStep, acknowledged: int) -> tuple[Notified, ...]:
    """Return whom a step tells; a breach of acknowledged work always tells the duty manager."""
    trusted_and_late = acknowledged and step.percent >= BREACH
    if trusted_and_late and Notified.DUTY_MANAGER not in step.notify:
        return (*step.notify, Notified.DUTY_MANAGER)
    return step.notify


def straight(started: datetime, due: datetime) -> Moments:
    """Share the time from ``started`` to ``due`` out, for a clock that never stands still."""
    # Across time zones a difference of aware datetimes of one zone is wall time: use UTC.
    start = started.astimezone(UTC)
    return lambda percent: start + (due.astimezone(UTC) - start) * percent / 100


def freeze(policy: EscalationPolicy) -> dict[str, object]:
    """Return the policy as JSON, to be kept with the task."""
    frozen: dict[str, object] = snapshot.freeze(policy)
    return frozen


def thaw(stored: Mapping[str, object]) -> EscalationPolicy:
    """Return the policy that ``freeze`` kept; what an older one did not say has its default."""
    return snapshot.thaw(EscalationPolicy, stored)
