"""Every invariant of a hub, checked: what `carehub integrity` runs and the auditor samples."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice

from hub.queries import (
    invariants_of_care,
    invariants_of_records,
    invariants_of_watch,
    invariants_of_work,
)
from hub.queries.breaches import Breach, Invariant

__all__ = ["INVARIANTS", "WATCHED", "Breach", "Result", "check"]

INVARIANTS: tuple[Invariant, ...] = (
    *invariants_of_work.INVARIANTS,
    *invariants_of_care.INVARIANTS,
    *invariants_of_records.INVARIANTS,
    *invariants_of_watch.INVARIANTS,
)

WATCHED = (
    "task-owner",
    "task-assignment",
    "task-rejected",
    "clock-stopped",
    "clock-history",
    "escalation-missed",
    "cover-alarm-missed",
    "overdue-unescalated",
    "owner-off-shift",
    "routing-never-asked",
    "outbox-handled",
    "outbox-poisonous",
    "delivery-told",
    "sends-told",
    "answers-told",
    "mesh-taken",
    "mesh-told",
)
"""The invariants that an index answers: the auditor watches them. The others are for
`carehub integrity`."""

SHOWN = 50
"""Breaches kept of one invariant: the fifty-first says nothing new."""


@dataclass(frozen=True, slots=True)
class Result:
    """One invariant and what breaks it."""

    name: str
    title: str
    breaches: tuple[Breach, ...]

    @property
    def holds(self) -> bool:
        return not self.breaches

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "title": self.title,
            "holds": self.holds,
            "breaches": [
                {"subject": breach.subject, "detail": breach.detail} for breach in self.breaches
            ],
        }


def check(names: Collection[str] | None = None) -> Iterable[Result]:
    """Check the invariants (or those named), one after another, yielding each result."""
    for invariant in INVARIANTS:
        if names is None or invariant.name in names:
            found = tuple(islice(invariant.find(), SHOWN))
            yield Result(invariant.name, invariant.title, found)
