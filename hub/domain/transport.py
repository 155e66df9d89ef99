"""Who is entitled to patient transport: criteria that are data, and the result with its reasons.

Source: NHS England, Non-emergency patient transport services: national eligibility criteria
(2022). A criterion is met by any one of its needs. What is not met leaves the person with advice,
never with a booking that is refused at the door.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from hub.domain.errors import RuleError

NEEDS = "transport-needs"
"""Code list of the hub definition."""


class Result(StrEnum):
    ELIGIBLE = "eligible"
    DISCRETION = "discretion"
    """A person of the team decides: the criterion names no clear line."""
    NOT_ELIGIBLE = "not-eligible"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One way to be entitled."""

    code: str
    name: str
    needs: tuple[str, ...]
    """Codes of the list ``transport-needs``: any one meets it."""
    result: str = Result.ELIGIBLE.value

    def __post_init__(self) -> None:
        if self.result not in {Result.ELIGIBLE, Result.DISCRETION}:
            raise RuleError("a criterion leads to eligible or discretion", field="result")


@dataclass(frozen=True, slots=True)
class TransportPolicy:
    """How this hub arranges transport; without criteria it does not."""

    rule_version: int = 1
    """Counted up when a criterion changes: it stands on every decision."""
    team: str = ""
    """Team that books."""
    clock: str = ""
    """Clock of the booking."""
    urgent_clock: str = ""
    """Clock where the journey is sooner than ``urgent_within_hours``."""
    urgent_within_hours: int = 48
    criteria: tuple[Criterion, ...] = field(default=())
    advice: str = ""
    """What somebody is told who is not entitled."""


@dataclass(frozen=True, slots=True)
class Eligibility:
    """A result and what led to it."""

    result: Result
    criteria: tuple[str, ...]
    """Names of the criteria that are met, in the order of the rules."""
    rule_version: int

    @property
    def sentence(self) -> str:
        if self.result is Result.NOT_ELIGIBLE:
            return f"Not entitled: no criterion is met (rules {self.rule_version})"
        why = "; ".join(self.criteria)
        if self.result is Result.DISCRETION:
            return f"To be decided: {why} (rules {self.rule_version})"
        return f"Entitled: {why} (rules {self.rule_version})"


def decide(policy: TransportPolicy, needs: Collection[str]) -> Eligibility:
    """Return the result for the needs of a person: one clear criterion is enough."""
    met = [each for each in policy.criteria if set(each.needs) & set(needs)]
    clear = [each.name for each in met if each.result == Result.ELIGIBLE]
    if clear:
        return Eligibility(Result.ELIGIBLE, tuple(clear), policy.rule_version)
    result = Result.DISCRETION if met else Result.NOT_ELIGIBLE
    return Eligibility(result, tuple(each.name for each in met), policy.rule_version)
