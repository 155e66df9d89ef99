"""Whether somebody works here still. Whoever gives them something holds them until the commit.

Giving work and leaving meet on one advisory lock of the person: shared for all who give, alone
for who lets them leave. Whoever comes second sees what the first has done.
"""

from collections.abc import Collection

from sqlalchemy import Text, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from hub.db import db
from hub.domain.errors import StateError
from hub.models.departure import Departure

_SPACE = 0x4C454156
"""Keeps these locks apart from others: they are pairs of this number and the person's."""


def hold_present(practitioners: Collection[str]) -> None:
    """Keep people here until the end of the transaction; refuse who has left or is leaving.

    ``practitioners`` are references; teams among them stay as they are.
    """
    people = sorted({each for each in practitioners if each.startswith("Practitioner/")})
    if not people:
        return
    # One after another in one order; the look comes in a statement of its own, which sees what
    # was committed while this one waited.
    each = func.unnest(literal(people, ARRAY(Text))).column_valued("each")
    locks = select(func.pg_advisory_xact_lock_shared(_SPACE, func.hashtext(each)))
    db.session.execute(locks).all()
    leaver = db.session.scalar(
        select(Departure.practitioner).where(Departure.practitioner.in_(people)).limit(1)
    )
    if leaver is not None:
        raise StateError(f"{leaver} leaves the hub: nothing new is given to them", field="owner")


def hold_alone(practitioner: str) -> None:
    """Let nobody give anything to somebody until the end of the transaction."""
    db.session.execute(select(func.pg_advisory_xact_lock(_SPACE, func.hashtext(practitioner))))


def departure(practitioner: str) -> Departure | None:
    return db.session.get(Departure, practitioner)
