"""Who falls, calls an ambulance or comes to A&E again and again: counted from dated contacts.

Source: the care model, section 3: frequent fallers and frequent callers are shown to triage, so
that somebody plans with them. What counts is data of the hub. It tells; it raises no urgency.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from hub.domain import phrases


@dataclass(frozen=True, slots=True)
class Contact:
    """One thing that happened, as a record says it."""

    on: date
    text: str = ""
    codes: frozenset[str] = frozenset()
    """SNOMED CT codes of it or of its reason."""
    source: str | None = None
    """Where a referral came from: code of the list ``referral-sources``."""
    kind: str | None = None
    """Encounter.class (HL7 ActEncounterCode)."""


@dataclass(frozen=True, slots=True)
class FrequentRule:
    """So many in so many days; a contact counts by any of words, codes, source and class."""

    code: str
    name: str
    noun: str
    """What is counted, in the plural: ``falls``."""
    at_least: int
    days: int
    rule_version: int = 1
    words: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    def counts(self, contact: Contact) -> bool:
        return (
            bool(contact.codes & frozenset(self.codes))
            or contact.source in self.sources
            or contact.kind in self.classes
            or phrases.says(contact.text, self.words, self.unless)
        )


@dataclass(frozen=True, slots=True)
class Frequent:
    """A rule that is met."""

    rule: FrequentRule
    days: tuple[date, ...]
    """The days that count, the newest first."""


def found(
    contacts: Sequence[Contact], rules: Iterable[FrequentRule], now: datetime
) -> list[Frequent]:
    """Return the rules that are met at ``now``, in their order.

    One day counts once: a message, its encounter and its complaint are one call.
    """
    today = now.date()
    met = []
    for rule in rules:
        first = today - timedelta(days=rule.days)
        days = {each.on for each in contacts if first < each.on <= today and rule.counts(each)}
        if len(days) >= rule.at_least:
            met.append(Frequent(rule, tuple(sorted(days, reverse=True))))
    return met
