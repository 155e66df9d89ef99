"""Where the next page begins: the sort values and id of the last row shown, opaque to clients.

Keyset, not offset: rows that do not change while a client pages are neither skipped nor shown
twice, whatever others write.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from fhir.outcomes import BadRequestError
from fhir.search.criteria import Query


@dataclass(frozen=True, slots=True)
class Cursor:
    values: tuple[Any, ...]
    """Sort values of the last row, its id last."""
    total: int | None
    estimated: bool
    """The total of the first page: later pages show the same."""


def fingerprint(query: Query) -> str:
    """Return what identifies a search: a cursor of one is no use in another."""
    used = [pair for pair in query.used if pair[0] not in {"_count", "_total", "_elements"}]
    return hashlib.sha256(orjson.dumps([query.type, used])).hexdigest()[:12]


def encode(query: Query, cursor: Cursor) -> str:
    values = [_plain(value) for value in cursor.values]
    body = orjson.dumps([fingerprint(query), values, cursor.total, cursor.estimated])
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()


def decode(query: Query, text: str, width: int) -> Cursor:
    """Read a cursor of this very search. Raises BadRequestError for any other."""
    try:
        body = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found, values, total, estimated = orjson.loads(body)
        cursor = Cursor(tuple(_read(value) for value in values), total, bool(estimated))
    except (ValueError, TypeError, binascii.Error):
        raise _foreign() from None
    if found != fingerprint(query) or len(cursor.values) != width:
        raise _foreign()
    return cursor


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
        if "t" in value:
            return datetime.fromisoformat(value["t"])
        return Decimal(value["n"])
    if value is None or isinstance(value, str):
        return value
    raise ValueError(value)
