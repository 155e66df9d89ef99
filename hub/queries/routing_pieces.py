"""The pieces that routing decisions share, kept once under the digest of their content."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from hub.db import db
from hub.domain import routing_record
from hub.models.decision import RoutingPiece


def of(stored: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the pieces that stored decisions name, by digest; one that is gone is left out."""
    wanted: set[str] = set()
    for each in stored:
        wanted |= routing_record.needs(each)
    if not wanted:
        return {}
    rows = db.session.execute(
        select(RoutingPiece.digest, RoutingPiece.content).where(RoutingPiece.digest.in_(wanted))
    )
    return {row.digest: row.content for row in rows}


def there(digests: Iterable[str]) -> frozenset[str]:
    """Return those of the digests whose piece is kept already."""
    rows = db.session.execute(
        select(RoutingPiece.digest).where(RoutingPiece.digest.in_(list(digests)))
    )
    return frozenset(rows.scalars())
