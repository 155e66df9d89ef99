"""What a kept routing decision answers: why them, why not me, what if somebody were off or on."""

from dataclasses import dataclass

from hub.domain import routing as rules
from hub.domain.errors import RuleError, StateError
from hub.domain.routing import Decision
from hub.models.decision import RoutingDecision
from hub.services import routing


@dataclass(frozen=True, slots=True)
class Explanation:
    """The last decision of a task that the rules made, and what was asked of it."""

    kept: RoutingDecision
    decision: Decision
    """Made again from the inputs that were kept."""
    why_not: str | None = None
    """One sentence for whoever asked why it did not come to them."""
    otherwise: Decision | None = None
    """What the rules would have decided if somebody had been off, or on."""
    otherwise_words: str | None = None


def of_task(
    task_id: str,
    *,
    who: str | None = None,
    if_off: str | None = None,
    if_on: str | None = None,
) -> Explanation:
    """Explain how a task came to its owner; people are references (``Practitioner/x``).

    Raises StateError where no rule has decided, RuleError where more than one change is asked
    for or somebody is named of whom the decision knows nothing.
    """
    if if_off and if_on:
        raise RuleError("ask what if one person were off or on, one at a time", field="if-off")
    made = [each for each in routing.decisions_of(task_id) if each.inputs]
    decision = routing.recall(made[-1]) if made else None
    if decision is None:
        raise StateError("this task was not given to anybody by the rules")
    otherwise = None
    if if_off:
        _must_be_asked(decision, if_off, "if-off")
        otherwise = rules.what_if_off(decision, if_off)
    elif if_on:
        otherwise = rules.what_if_on(decision, if_on)
    return Explanation(
        kept=made[-1],
        decision=decision,
        why_not=rules.why_not(decision, who) if who else None,
        otherwise=otherwise,
        otherwise_words=_words(decision, otherwise) if otherwise else None,
    )


def _must_be_asked(decision: Decision, staff: str, field: str) -> None:
    asked = {each.staff for each in decision.inputs.candidates}
    if staff not in asked:
        raise RuleError(
            f"{staff} was not among those who were asked", field=field, allowed=sorted(asked)
        )


def _words(decision: Decision, otherwise: Decision) -> str:
    if otherwise.owner == decision.owner:
        return "It would have come to the same place."
    return rules.explain(otherwise).replace("Routed to", "It would have gone to", 1) + "."
