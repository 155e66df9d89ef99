"""The rota of district nursing west in the tests: whose shift is when, and who may plan it."""

from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from hub.db import db
from hub.domain.actor import Actor
from hub.models.shift import Shift
from hub.records.outbox import HANDLERS
from hub.records.tables import OUTBOX

WEST = "CareTeam/district-nursing-west"
ASHA, GARETH = "Practitioner/asha-nurse", "Practitioner/gareth-price"
AMINA, LUCY = "Practitioner/amina-yusuf", "Practitioner/lucy-hart"
BERNARD = "Practitioner/bernard-nurse"
LONDON = ZoneInfo("Europe/London")
Staff = Callable[[str], Actor]


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """Return a local time of a day."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=LONDON)


def shift_of(practitioner: str, day: date) -> Shift:
    """Return the shift that somebody starts on a local day."""
    for shift in shifts_of(practitioner):
        if shift.during.lower and shift.during.lower.astimezone(LONDON).date() == day:
            return shift
    raise LookupError(f"{practitioner} is off on {day}")


def shifts_of(practitioner: str) -> list[Shift]:
    found = db.session.scalars(
        select(Shift).where(Shift.practitioner == practitioner).order_by(Shift.during)
    )
    return list(found)


def events(name: str) -> list[tuple[str, dict[str, object]]]:
    """Return (subject, payload) of the events of a name, the first one first."""
    rows = db.session.execute(
        select(OUTBOX.c.subject, OUTBOX.c.payload)
        # An event has a row for each of its handlers.
        .where(OUTBOX.c.event == name, OUTBOX.c.handler == HANDLERS[name][0])
        .order_by(OUTBOX.c.id)
    )
    return [(subject, payload) for subject, payload in rows]
