"""The rota: shifts made from patterns, absences that move all open work at once."""

from collections.abc import Iterable
from datetime import date, datetime

from hub.domain import rota
from hub.domain.actor import Actor
from hub.models.absence import Absence


def plan_shifts(first: date, last: date) -> int:
    """Make the shifts of the hub definition's patterns for the days given; existing ones stay.

    Returns how many were made.
    """
    raise NotImplementedError


def add_shifts(shifts: Iterable[rota.Shift], *, pattern: str | None = None) -> int:
    """Write shifts; one that overlaps another of the same person is refused."""
    raise NotImplementedError


def around(start: datetime, end: datetime) -> rota.Rota:
    """Return shifts and absences that touch the time given, as the rules see them."""
    raise NotImplementedError


def report_absence(
    actor: Actor,
    practitioner: str,
    *,
    starts_at: datetime,
    ends_at: datetime | None,
    reason: str,
) -> Absence:
    """Record an absence and re-home all open tasks of the person in one transaction."""
    raise NotImplementedError
