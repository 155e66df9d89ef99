"""What happens while the clock runs: warn at half time, tell the lead, re-route at breach.

Source: the care model, section 5. The policy is frozen on the task when it starts, so that an
edit of the hub definition never changes an escalation that is under way.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from hub.domain import snapshot
from hub.domain.errors import RuleError


class Notified(StrEnum):
    """Who hears of a step."""

    OWNER = "owner"
    TEAM_LEAD = "team-lead"
    DUTY_MANAGER = "duty-manager"
    SHIFT_LEAD = "shift-lead"


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """One step, taken once when ``percent`` of the clock is used."""

    code: str
    percent: int
    notify: tuple[Notified, ...]
    reroute: bool = False


@dataclass(frozen=True, slots=True)
class EscalationPolicy:
    """The steps, in the order in which they are taken."""

    code: str
    steps: tuple[EscalationStep, ...]

    def __post_init__(self) -> None:
        percents = [step.percent for step in self.steps]
        if percents != sorted(percents) or any(percent <= 0 for percent in percents):
            raise RuleError("steps stand in the order of the clock", field="steps")
        if len({step.code for step in self.steps}) != len(self.steps):
            raise RuleError("each step has a code of its own", field="steps")


DEFAULT_POLICY = EscalationPolicy(
    code="default",
    steps=(
        EscalationStep("half-time", 50, (Notified.OWNER,)),
        EscalationStep("three-quarters", 75, (Notified.TEAM_LEAD,)),
        EscalationStep("breach", 100, (Notified.DUTY_MANAGER,), reroute=True),
    ),
)
"""Half time: owner. Three quarters: team lead. Breach: re-route and the duty manager."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """The step to take next and when; ``is_due`` tells whether that instant has come."""

    step: EscalationStep
    at: datetime
    is_due: bool


def next_step(
    policy: EscalationPolicy,
    started: datetime,
    due: datetime,
    done_steps: Collection[str],
    now: datetime,
    *,
    moments: Mapping[int, datetime] | None = None,
) -> NextStep | None:
    """Return the first step not yet done, or None when all are.

    After a stop several may be due: they come one at a time, in order. ``moments`` gives the
    instant of each percent where the clock runs on a calendar or was paused
    (``clocks.instant_of``); without it the time from ``started`` to ``due`` is shared out.
    """
    for step in policy.steps:
        if step.code not in done_steps:
            at = moment(step.percent, started, due, moments)
            return NextStep(step=step, at=at, is_due=at <= now)
    return None


def moment(
    percent: int,
    started: datetime,
    due: datetime,
    moments: Mapping[int, datetime] | None = None,
) -> datetime:
    """Return when ``percent`` of the clock is used (UTC)."""
    if moments is not None and percent in moments:
        return moments[percent]
    # Across time zones a difference of aware datetimes of one zone is wall time: use UTC.
    start = started.astimezone(UTC)
    return start + (due.astimezone(UTC) - start) * percent / 100


def freeze(policy: EscalationPolicy) -> dict[str, object]:
    """Return the policy as JSON, to be kept with the task."""
    frozen: dict[str, object] = snapshot.freeze(policy)
    return frozen


def thaw(stored: Mapping[str, object]) -> EscalationPolicy:
    """Return the policy that ``freeze`` kept."""
    return snapshot.thaw(EscalationPolicy, stored)
