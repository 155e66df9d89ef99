"""Letters and discharge summaries that others send: what is read first, by whom, and how soon.

Source: PRSB eDischarge Summary v2.1 ("Plan and requested actions" is what the receiver must act
on); the care model, section 3. What counts as first or urgent is data of the hub.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from hub.domain.accountability import AccountableRole
from hub.domain.errors import RuleError

_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {word: number for number, word in enumerate(_WORDS, 1)} | {"a": 1, "an": 1}
_AMOUNT = rf"(?P<amount>\d{{1,3}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_UNIT = r"(?P<unit>hours?|hrs?|working\s+days?|days?|weeks?|wks?|fortnight|months?)"
_NOTATION = r"(?P<parts>\d{1,3})\s*/\s*(?P<of>7|52|12)(?!\d)"
_stated = re.compile(
    # "in" a time, never "for" one: a course of seven days is nothing to do within them.
    rf"\b(?:within|in|no later than|over)\s+(?:the\s+)?(?:next\s+)?(?:approximately\s+)?"
    rf"(?:{_NOTATION}|(?P<fortnight>a\s+fortnight)"
    rf"|{_AMOUNT}(?:\s*(?:-|to|or)\s*\d{{1,3}})?\s*{_UNIT}\b)",
    re.IGNORECASE,
)
_at_once = re.compile(
    r"\b(?:today|same[\s-]day|immediately|tomorrow|as soon as possible|asap)\b", re.IGNORECASE
)
_DAYS = {"hour": 1 / 24, "hr": 1 / 24, "day": 1, "week": 7, "wk": 7, "fortnight": 14, "month": 30}
_PARTS = {"7": 1, "52": 7, "12": 30}


@dataclass(frozen=True, slots=True)
class DischargePolicy:
    """How this hub takes in documents from elsewhere."""

    readers: tuple[str, ...] = (AccountableRole.COORDINATOR.value,)
    """Roles of whoever answers for the person: the first who is named and here reads it."""
    practice_teams: Mapping[str, str] = field(default_factory=dict)
    """Organisation code of the registered practice -> team that reads where nobody is named."""
    team: str = ""
    """Team for everybody else; empty: the single point of referral."""
    clock: str | None = None
    """Clock of reading; None: that of triage."""
    urgent_clock: str | None = None
    urgent_within_days: int = 2
    """Something that is asked for within so many days makes reading urgent."""
    first_sections: tuple[str, ...] = ("887201000000105", "plan and requested actions")
    """Codes or titles (lower case) of sections that are shown first, in this order."""
    action_sections: tuple[str, ...] = ("887201000000105", "plan and requested actions")
    """Sections in which something may be asked of the hub."""
    trusted_mailboxes: tuple[str, ...] = ()
    """Mailboxes whose word counts that an NHS number is verified."""
    attachments: tuple[str, ...] = ()
    """Media types that are taken as attachments; empty: all."""
    largest_mb: int = 50
    """A larger message is not taken: its sender is told."""

    def __post_init__(self) -> None:
        roles = {each.value for each in AccountableRole}
        if unknown := sorted(set(self.readers) - roles):
            allowed = ", ".join(sorted(roles))
            raise RuleError(f"{unknown[0]} is no role; allowed: {allowed}", field="readers")

    def clock_for(self, priority: str) -> str | None:
        return self.clock if priority == "routine" else self.urgent_clock or self.clock


class _Section(Protocol):
    @property
    def title(self) -> str: ...
    @property
    def code(self) -> str: ...


S = TypeVar("S", bound=_Section)


def is_one_of(section: _Section, names: Sequence[str]) -> bool:
    """Say whether a section is meant by one of these codes or titles."""
    return section.code in names or section.title.strip().casefold() in names


def in_order(sections: Iterable[S], first: Sequence[str]) -> tuple[tuple[S, bool], ...]:
    """Return the sections, those that come first in the order of their list, with whether they do.

    The others stay as their author put them.
    """

    def rank(section: S) -> int:
        names = (section.code, section.title.strip().casefold())
        return min((first.index(name) for name in names if name in first), default=len(first))

    return tuple((each, rank(each) < len(first)) for each in sorted(sections, key=rank))


def days_stated(text: str) -> float | None:
    """Return the shortest time within which a text asks for something; None where it says none."""
    found = [_days(match) for match in _stated.finditer(text)]
    if _at_once.search(text):
        found.append(0)
    return min(found, default=None)


def _days(match: re.Match[str]) -> float:
    if match["fortnight"]:
        return 14
    if match["parts"]:
        return int(match["parts"]) * _PARTS[match["of"]]
    amount = match["amount"].lower()
    number = int(amount) if amount.isdecimal() else _NUMBERS[amount]
    unit = match["unit"].lower().split()[-1].rstrip("s")
    return number * _DAYS[unit]


def is_urgent(policy: DischargePolicy, asked: Iterable[str]) -> bool:
    """Say whether the texts of the action sections ask for something soon."""
    stated = [days for text in asked if (days := days_stated(text)) is not None]
    return any(days <= policy.urgent_within_days for days in stated)
