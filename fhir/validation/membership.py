"""Whether a value set has one of some codes, for bindings: https://hl7.org/fhir/R4/terminologies.html.

What R4 and UK Core list is known from the registry. The rest is asked of the terminology that is
given: that of the standard, or all that a hub holds.
"""

from collections.abc import Callable, Collection

from fhir import registry
from fhir.outcomes import NotFoundError, UnprocessableError
from fhir.registry.profiles import advised_codes
from fhir.terminology import STANDARD, Composition, Holdings

Pair = tuple[str | None, str]
"""(system, code); without a system where the data type has none."""

Members = Callable[[str, Collection[Pair]], bool | None]
"""(canonical of a value set, codes) -> whether it has one of them; None: that cannot be known."""


class Membership:
    """Answers from what is held; each question is asked of it once."""

    def __init__(self, holdings: Holdings = STANDARD) -> None:
        self._holdings = holdings
        self._known: dict[tuple[str, frozenset[Pair]], bool | None] = {}

    def __call__(self, value_set: str, pairs: Collection[Pair]) -> bool | None:
        question = value_set, frozenset(pairs)
        if question not in self._known:
            self._known[question] = self._answer(value_set, pairs)
        return self._known[question]

    def _answer(self, value_set: str, pairs: Collection[Pair]) -> bool | None:
        systems = registry.required_codes(value_set) or advised_codes(value_set)
        if systems is None:
            return self._held(value_set, pairs)
        return any(
            any(code in each for each in systems.values())
            if system is None
            else code in systems.get(system, frozenset())
            for system, code in pairs
        )

    def _held(self, value_set: str, pairs: Collection[Pair]) -> bool | None:
        asked = Composition(self._holdings)
        try:
            found = asked.value_set(value_set)
            if any(system is None for system, _ in pairs):
                codes = {code for _, code in asked.members(found)}
                has = any(code in codes for _, code in pairs)
            else:
                has = bool(asked.holding(found, [(s, c) for s, c in pairs if s is not None]))
        except (NotFoundError, UnprocessableError):
            # Not held, or too large to look through.
            return None
        # Of a code system that is held in part, what is not found may still be one of its codes.
        partly = any(not system.complete for system in asked.used.values())
        return has or (None if partly else False)
