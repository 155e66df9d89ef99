"""A piece that decisions share: the weights, as an empty object stands for the usual ones."""

import secrets
from typing import Any

from hub import clock
from hub.models.decision import RoutingPiece
from tests.factories import kept


def routing_piece(digest: str | None = None, **columns: Any) -> RoutingPiece:
    defaults = {"content": {}, "kept_at": clock.now()}
    return kept(RoutingPiece(digest=digest or secrets.token_hex(32), **defaults | columns))
