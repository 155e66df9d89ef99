"""Red flags: what a referral says may raise its urgency, by rules that are data with a version.

A rule only ever raises; what a person or a system called more urgent stays so. Which rule raised
it, in which version, is kept with the referral: triage sees the sentence and decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.domain import phrases

PRIORITIES = ("routine", "urgent", "asap", "stat")
"""FHIR request-priority, the least first."""


@dataclass(frozen=True, slots=True)
class RedFlag:
    """One rule of the hub's data."""

    code: str
    name: str
    raises_to: str
    """FHIR request-priority: urgent, asap or stat."""
    sentence: str
    """What triage is told."""
    rule_version: int = 1
    """Counts up when the rule is changed."""
    words: tuple[str, ...] = ()
    """Phrases of the reason for referral, matched as whole words, lower case."""
    unless: tuple[str, ...] = ()
    """Phrases that are not meant (``no chest pain``): taken out before the words are looked for."""
    codes: tuple[str, ...] = ()
    """SNOMED CT codes of the request, its reason or its conditions."""
    from_age: int | None = None
    below_age: int | None = None

    @property
    def shown(self) -> str:
        """Return what stands on the triage screen."""
        return f"{self.sentence} (rule {self.code}, version {self.rule_version})"


def found(
    reason: str, codes: frozenset[str], age: int | None, rules: Iterable[RedFlag]
) -> tuple[RedFlag, ...]:
    """Return the rules that a referral meets, the most urgent first, else in their order.

    Somebody whose age is not known is not spared a rule that has an age.
    """
    met = [rule for rule in rules if _of_age(rule, age) and _says(rule, reason, codes)]
    return tuple(sorted(met, key=lambda rule: -PRIORITIES.index(rule.raises_to)))


def raised(priority: str, flags: Iterable[RedFlag]) -> str:
    """Return the priority that the flags ask for, never less than ``priority``."""
    return max((priority, *(flag.raises_to for flag in flags)), key=PRIORITIES.index)


def is_more_urgent(one: str, other: str) -> bool:
    """Say whether one priority is more urgent than another."""
    return PRIORITIES.index(one) > PRIORITIES.index(other)


def _says(rule: RedFlag, reason: str, codes: frozenset[str]) -> bool:
    return bool(codes & frozenset(rule.codes)) or phrases.says(reason, rule.words, rule.unless)


def _of_age(rule: RedFlag, age: int | None) -> bool:
    if age is None:
        return True
    return (rule.from_age is None or age >= rule.from_age) and (
        rule.below_age is None or age < rule.below_age
    )
