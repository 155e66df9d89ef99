"""Who acts for whom now: rows of deputies whose absence lasts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from hub.db import db
from hub.models.absence import Absence
from hub.models.departure import Departure
from hub.models.deputy import Deputy


@dataclass(frozen=True, slots=True)
class Deputising:
    """One person who acts for another."""

    practitioner: str
    """``Practitioner/<id>`` who is away."""
    deputy: str
    """``Practitioner/<id>`` who acts for them."""
    since: datetime
    until: datetime | None
    why: str


def absent_for(deputy: str | None, at: datetime) -> frozenset[str]:
    """Return whom somebody acts for at an instant."""
    if deputy is None:
        return frozenset()
    found = db.session.scalars(
        select(Deputy.practitioner)
        .join(Absence, Absence.id == Deputy.absence_id)
        .where(Deputy.deputy == deputy, Absence.during.contains(at))
    )
    return frozenset(found)


def of(practitioners: Collection[str], at: datetime) -> dict[str, Deputising]:
    """Return who acts for each of these people at an instant, where they are away."""
    if not practitioners:
        return {}
    rows = db.session.execute(
        select(Deputy, Absence.during)
        .join(Absence, Absence.id == Deputy.absence_id)
        .where(Deputy.practitioner.in_(sorted(set(practitioners))), Absence.during.contains(at))
        .order_by(Deputy.began_at, Deputy.absence_id)
    )
    return {
        row.practitioner: Deputising(
            row.practitioner, row.deputy, during.lower or row.began_at, during.upper, row.why
        )
        for row, during in rows
    }


def away(at: datetime) -> frozenset[str]:
    """Return everybody who is away or has left at an instant."""
    absent = db.session.scalars(select(Absence.practitioner).where(Absence.during.contains(at)))
    left = db.session.scalars(select(Departure.practitioner))
    return frozenset(absent) | frozenset(left)
