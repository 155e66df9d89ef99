"""Where the next page begins: the sort values and id of the last row shown, opaque to clients.

Keyset, not offset: rows that do not change while a client pages are neither skipped nor shown
twice, whatever others write. A cursor is sealed with the hub's secret: one that a client has
changed, or taken to another search, is refused.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from flask import current_app

from fhir.outcomes import BadRequestError
from fhir.search.criteria import Criterion, Query

_SEAL_BYTES = 12
_LONGEST = 8_000
"""Characters of a cursor: a sort value is at most a long string of a record."""


@dataclass(frozen=True, slots=True)
class Cursor:
    values: tuple[Any, ...]
    """Sort values of the last row, its id last."""
    total: int | None
    estimated: bool
    """The total of the first page: later pages show the same."""


def _seal(query: Query, also: Sequence[Criterion], body: bytes) -> bytes:
    """Return what only the hub can say of a position in this very search."""
    used = [pair for pair in query.used if pair[0] not in {"_count", "_total", "_elements"}]
    search = orjson.dumps([query.type, used, *([repr(also)] if also else ())])
    secret = str(current_app.secret_key).encode()
    return hmac.new(secret, search + b"\n" + body, hashlib.sha256).digest()[:_SEAL_BYTES]


def encode(query: Query, cursor: Cursor, also: Sequence[Criterion] = ()) -> str:
    values = [_plain(value) for value in cursor.values]
    body = orjson.dumps([values, cursor.total, cursor.estimated])
    return base64.urlsafe_b64encode(_seal(query, also, body) + body).rstrip(b"=").decode()


def decode(query: Query, text: str, also: Sequence[Criterion] = ()) -> Cursor:
    """Read a cursor of this very search. Raises BadRequestError for any other."""
    if len(text) > _LONGEST:
        raise _foreign()
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise _foreign() from None
    seal, body = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
    if not hmac.compare_digest(seal, _seal(query, also, body)):
        raise _foreign()
    values, total, estimated = orjson.loads(body)
    return Cursor(tuple(_read(value) for value in values), total, estimated)


def _foreign() -> BadRequestError:
    return BadRequestError(
        "_cursor is not one of this search: follow the link that the page before gave",
        code="value",
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"t": value.isoformat()}
    if isinstance(value, Decimal):
        return {"n": str(value)}
    return value


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        return datetime.fromisoformat(value["t"]) if "t" in value else Decimal(value["n"])
    return value
