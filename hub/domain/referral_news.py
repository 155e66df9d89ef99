"""What a referrer may know of a referral by a link: where it is, in words that name nobody.

No name, number, date of birth or record of the person is in it; what triage wrote to the referrer
(a question, advice) is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened."""

    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class WorkNews:
    """Where one piece of work on the referral is."""

    service: str
    status: str
    """Task.status."""
    step: str | None
    """Step of the referral, such as ``first-contact``."""
    outcome: str | None
    """In words, once it is done."""
    at: datetime
    """When it last changed."""


@dataclass(frozen=True, slots=True)
class TriageNews:
    """What triage has said."""

    step: str
    """received, validated, asked, accepted, redirected, declined or withdrawn."""
    at: datetime
    due_at: datetime | None = None
    service: str | None = None
    reason: str | None = None
    """In words."""
    said: str | None = None
    """The question or the advice, as it was written to the referrer."""


@dataclass(frozen=True, slots=True)
class News:
    """Where a referral is."""

    now: str
    """In one sentence."""
    lines: tuple[Line, ...]
    """What happened, the first first."""
    question: str | None = None
    advice: str | None = None


_STEPS = {
    "first-contact": "has made first contact",
    "assessed": "has made an assessment",
    "in-service": "has taken the person on",
}


def news(received_at: datetime, triage: TriageNews, work: Sequence[WorkNews]) -> News:
    """Return where a referral is."""
    lines = [Line(received_at, "The referral was received.")]
    if triage.step in {"received", "validated"}:
        return News("It waits to be looked at by the single point of referral.", tuple(lines))
    if triage.step == "asked":
        lines.append(Line(triage.at, "A question was asked."))
        return News("There is a question for you.", tuple(lines), question=triage.said)
    answered = _triaged(triage)
    lines.append(Line(triage.at, answered))
    if triage.step == "declined":
        return News(answered, tuple(lines), advice=triage.said)
    lines += _worked(work)
    return News(lines[-1].words, tuple(lines))


def _triaged(triage: TriageNews) -> str:
    reason = f": {triage.reason}" if triage.reason else ""
    return {
        "accepted": f"{triage.service or 'A service of the hub'} has accepted it.",
        "redirected": f"It was sent on to {triage.service or 'another service'}{reason}.",
        "declined": f"It was declined{reason}.",
        "withdrawn": f"It was withdrawn{reason}.",
    }.get(triage.step, "It was answered.")


def _worked(work: Iterable[WorkNews]) -> list[Line]:
    lines = []
    for each in sorted(work, key=lambda one: one.at):
        if each.status == "completed":
            words = f"{each.service} has finished: {each.outcome or 'done as asked'}."
        elif each.status in {"cancelled", "failed", "entered-in-error"}:
            words = f"{each.service} does not go on with it."
        elif each.step in _STEPS:
            words = f"{each.service} {_STEPS[each.step]}."
        elif each.status in {"accepted", "ready", "in-progress", "on-hold"}:
            words = f"Somebody of {each.service} has taken it on."
        else:
            continue
        lines.append(Line(each.at, words))
    return lines
