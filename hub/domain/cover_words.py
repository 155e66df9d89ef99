"""A hole in the cover in plain words, as notices and pages say it."""

from collections.abc import Sequence
from datetime import datetime

from hub.domain.calendars import zone
from hub.domain.cover import Missing

PLANNED = {
    Missing.NOBODY: "Nobody is planned.",
    Missing.ONLY_ON_CALL: "Nobody is planned to be at work.",
    Missing.TOO_FEW: "Too few are planned.",
    Missing.SKILL: "Nobody with the skill is planned.",
    Missing.NO_ON_CALL: "Too few are planned to be on call.",
}
"""Why there is a hole where nobody is away."""


def when(start: datetime, end: datetime, time_zone: str) -> str:
    """Return ``Sat 28 Nov 08:30 to 17:00``; with the day again where it ends on another one."""
    here = zone(time_zone)
    begins, ends = start.astimezone(here), end.astimezone(here)
    first = f"{begins:%a} {begins.day} {begins:%b} {begins:%H:%M}"
    if begins.date() == ends.date():
        return f"{first} to {ends:%H:%M}"
    return f"{first} to {ends:%a} {ends.day} {ends:%b} {ends:%H:%M}"


def lack(missing: Missing, short: int, name: str) -> str:
    """Return what is missing: ``Pharmacist: nobody``."""
    match missing:
        case Missing.NOBODY:
            said = "nobody"
        case Missing.ONLY_ON_CALL:
            said = "only people on call"
        case Missing.TOO_FEW:
            said = f"{short} too few"
        case Missing.SKILL:
            said = f"{short} too few with the skill"
        case Missing.NO_ON_CALL:
            said = f"{short} too few on call"
    return f"{name}: {said}"


def cause(missing: Missing, away: Sequence[str]) -> str:
    """Return why: who of those who were planned is away, by name, or that nobody was planned."""
    if not away:
        return PLANNED[missing]
    named = f"{', '.join(away[:-1])} and {away[-1]}" if len(away) > 1 else away[0]
    return f"{named} {'are' if len(away) > 1 else 'is'} away."
