"""Whether two people who triage the same referral decide the same: blind second looks, and kappa.

Source: J. Cohen, A coefficient of agreement for nominal scales, Educational and Psychological
Measurement 20 (1960): (observed - expected) / (1 - expected), expected from the two raters' own
shares. Which referrals are looked at twice follows from their ids alone: nobody picks them.
"""

import hashlib
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

_PARTS = 10_000
FEWEST = 5
"""Pairs below which a kappa says nothing and is not shown."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided of a referral."""

    outcome: str
    """``accepted``, ``redirected`` or ``declined``."""
    service: str | None = None
    """Code of the service that takes it on, or to which it is sent."""
    reason: str | None = None
    """Coded reason of sending on or declining."""
    priority: str = "routine"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far pairs of decisions agree."""

    pairs: int
    observed: float | None
    """Share of pairs that are equal, 0 to 1; None without pairs."""
    kappa: float | None
    """-1 to 1; None where it is not defined: fewer than ``FEWEST`` pairs, or both raters always
    give one and the same answer."""


def is_sampled(request_id: str, percent: int) -> bool:
    """Say whether a referral is looked at twice: ``percent`` of a hundred, by its id."""
    digest = hashlib.sha256(f"second-triage/{request_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % _PARTS < percent * _PARTS // 100


def agreement(pairs: Sequence[tuple[Hashable, Hashable]]) -> Agreement:
    """Return observed agreement and Cohen's kappa (unweighted) of first and second answers."""
    if not pairs:
        return Agreement(0, None, None)
    count = len(pairs)
    observed = sum(one == other for one, other in pairs) / count
    firsts, seconds = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    expected = sum(firsts[each] * seconds[each] for each in firsts) / (count * count)
    if count < FEWEST or expected >= 1:
        return Agreement(count, observed, None)
    return Agreement(count, observed, (observed - expected) / (1 - expected))


def whole(decision: Decision) -> tuple[str, str | None, str | None]:
    """Return outcome, service and reason as one answer: urgency is compared by itself."""
    return decision.outcome, decision.service, decision.reason
