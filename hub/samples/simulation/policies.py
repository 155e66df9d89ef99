"""Who gets the work: the hub's decision, and the two ways of a hub without one.

All three meet the same filters (role, skills, shift, absence, refusals), widen in the same order
and give work again on the same occasions (declined, absence, breach). They differ in the choice
among those who fit; the rivals know nothing of room, place, continuity or the end of a shift.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hub.domain.routing import Decision, Level
from hub.samples.simulation.cases import Case
from hub.samples.simulation.state import State

Policy = Callable[[State, Case], "Choice"]


@dataclass(frozen=True, slots=True)
class Choice:
    """``Practitioner/<id>``, or ``CareTeam/<id>`` of a desk."""

    owner: str
    level: Level


def carehub(state: State, case: Case) -> Choice:
    """Return what the hub decides."""
    decision = state.decide(case, capacity=True)
    return Choice(decision.owner, decision.level)


def round_robin(state: State, case: Case) -> Choice:
    """Return the next in turn of those at work who can do it."""
    decision = state.decide(case, capacity=False)
    return _among(decision, lambda staff: (state.given[staff], staff))


def least_loaded(state: State, case: Case) -> Choice:
    """Return who has the least open work of those at work who can do it."""
    decision = state.decide(case, capacity=False)
    return _among(decision, lambda staff: (state.open_minutes(staff), staff))


def _among(decision: Decision, key: Callable[[str], tuple[int, str]]) -> Choice:
    fitting = [score.staff for score in decision.scores]
    owner = min(fitting, key=key) if fitting else decision.owner
    return Choice(owner, decision.level)


POLICIES: Mapping[str, Policy] = {
    "carehub": carehub,
    "round-robin": round_robin,
    "least-loaded": least_loaded,
}
