"""Whether somebody can be reached, asked before they get work by name: a flag, never a bar.

Work given to somebody whom nobody can ring, and who does not look, waits unseen.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Unreachable(StrEnum):
    """Why somebody may not hear of work."""

    NO_CONTACT = "no-contact"
    NO_ACCOUNT = "no-account"
    NEVER_SIGNED_IN = "never-signed-in"
    NOT_LATELY = "not-lately"


@dataclass(frozen=True, slots=True)
class ReachFacts:
    """What the rule looks at."""

    has_contact: bool
    """A telephone number or an e-mail address is known."""
    has_account: bool
    """An account that is switched on."""
    signed_in_at: datetime | None = None
    """Last sign-in; None: never."""


@dataclass(frozen=True, slots=True)
class Reachability:
    reasons: tuple[Unreachable, ...] = ()
    signed_in_at: datetime | None = None

    @property
    def is_reachable(self) -> bool:
        return not self.reasons

    @property
    def is_silent(self) -> bool:
        """Nobody can ring them and they do not look: work given to them waits unseen."""
        return Unreachable.NO_CONTACT in self.reasons and len(self.reasons) > 1

    @property
    def sentence(self) -> str:
        """Say it in a few plain words: ``no phone or e-mail, never signed in``; empty if fine."""
        return ", ".join(_WORDS[each] for each in self.reasons)


_WORDS = {
    Unreachable.NO_CONTACT: "no phone or e-mail",
    Unreachable.NO_ACCOUNT: "no account",
    Unreachable.NEVER_SIGNED_IN: "never signed in",
    Unreachable.NOT_LATELY: "has not signed in lately",
}


def reach(facts: ReachFacts, now: datetime, *, seen_within: timedelta) -> Reachability:
    """Return why work given by name may not be heard of; no reasons: it will be."""
    reasons = []
    if not facts.has_contact:
        reasons.append(Unreachable.NO_CONTACT)
    if not facts.has_account:
        reasons.append(Unreachable.NO_ACCOUNT)
    elif facts.signed_in_at is None:
        reasons.append(Unreachable.NEVER_SIGNED_IN)
    elif now - facts.signed_in_at > seen_within:
        reasons.append(Unreachable.NOT_LATELY)
    return Reachability(tuple(reasons), facts.signed_in_at)
