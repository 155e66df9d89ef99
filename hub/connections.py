"""Connections to PostgreSQL for the hot path: prepared statements, run in one call of libpq.

psycopg's cursors adapt, wait and fetch in Python: 25 of the 30 microseconds that a read by id
costs there. A statement here is prepared once a connection and then sent, awaited and read by
libpq alone (``psycopg.pq``, https://www.psycopg.org/psycopg3/docs/api/pq.html); docs/adr/0005.
"""

import os
import re
import select
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache
from queue import Empty, SimpleQueue
from typing import Any

import psycopg
from psycopg import errors, pq

MAX_STATEMENTS = 300
"""Prepared statements that one connection keeps; the longest unused gives way."""

Row = tuple[Any, ...]
Parameters = Sequence[Any] | Mapping[str, Any]

_PLACEHOLDER = re.compile(r"%(?:\((\w+)\))?[sbt]|%%")
_TEXT_OID = 25
_HEAD = struct.Struct("!5i")
_LENGTH = struct.Struct("!i")
_NULL = _LENGTH.pack(-1)
_EMPTY = struct.pack("!3i", 0, 0, _TEXT_OID)
_OK = {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}


# What a parameter is sent as: (bytes, 0 for text or 1 for binary) ------------------------------


def _str(value: str) -> tuple[bytes, int]:
    if "\0" in value:
        raise psycopg.DataError("PostgreSQL text cannot hold NUL (0x00)")
    return value.encode(), 0


def _bool(value: bool) -> tuple[bytes, int]:
    return (b"t" if value else b"f"), 0


def _instant(value: datetime) -> tuple[bytes, int]:
    return _moment_of(value), 0


def _moment_of(value: datetime) -> bytes:
    # Python holds the two half past ones of an October night in London equal: no cache for them.
    return _utc(value) if value.tzinfo is UTC else value.isoformat().encode()


@lru_cache(maxsize=8192)
def _utc(value: datetime) -> bytes:
    """Write an instant; a bundle's records have one in common, and many more the same day."""
    return value.isoformat().encode()


def _shown(value: Any) -> tuple[bytes, int]:
    return str(value).encode(), 0


def _bytes(value: bytes) -> tuple[bytes, int]:
    return value, 1


def _text(value: str) -> bytes:
    """Write an element of an array of texts: its length and itself."""
    raw = value.encode()
    return _LENGTH.pack(len(raw)) + raw


_SHORT = 80
_short = lru_cache(maxsize=8192)(_text)
"""Types, parameters and ids come again and again in the arrays of one bundle."""


def _texts(values: Sequence[str | None]) -> bytes:
    """Write the elements of an array of texts, those that come again without a look at each."""
    if None not in values and max(map(len, values)) < _SHORT:  # type: ignore[arg-type]
        return b"".join(map(_short, values))
    return b"".join(
        [
            _NULL if value is None else _short(value) if len(value) < _SHORT else _text(value)
            for value in values
        ]
    )


def _quoted(value: datetime | None) -> bytes:
    return b"NULL" if value is None else b'"%b"' % _moment_of(value)


def _list(values: Sequence[Any]) -> tuple[bytes, int]:
    """Send texts in binary, where nothing needs a quote; everything else as a literal."""
    if not values:
        return _EMPTY, 1
    first = values[0]
    if first is None:
        first = next((value for value in values if value is not None), None)
    if isinstance(first, str):
        return _HEAD.pack(1, None in values, _TEXT_OID, len(values), 1) + _texts(values), 1
    shown: Iterable[bytes]
    if isinstance(first, datetime):
        shown = map(_quoted, values)
    elif isinstance(first, bool):
        shown = [b"NULL" if v is None else b"t" if v else b"f" for v in values]
    else:
        shown = [b"NULL" if v is None else str(v).encode() for v in values]
    return b"{" + b",".join(shown) + b"}", 0


_ENCODERS: dict[type, Callable[[Any], tuple[bytes, int]]] = {
    str: _str,
    bool: _bool,
    int: _shown,
    float: _shown,
    Decimal: _shown,
    datetime: _instant,
    bytes: _bytes,
    list: _list,
    tuple: _list,
}


# What a column is read as ----------------------------------------------------------------------


def _is_true(raw: bytes) -> bool:
    return raw == b"t"


def _moment(raw: bytes) -> datetime:
    return datetime.fromisoformat(raw.decode())


def _number(raw: bytes) -> Decimal:
    return Decimal(raw.decode())


_DECODERS: dict[int, Callable[[bytes], Any]] = {
    16: _is_true,
    20: int,
    21: int,
    23: int,
    700: float,
    701: float,
    25: bytes.decode,
    705: bytes.decode,
    1043: bytes.decode,
    1184: _moment,
    1700: _number,
}
"""Type OID (pg_type.dat) -> reader: what the hot path selects. A cursor reads all others."""


_Take = Callable[[int, int], bytes | None]
_Rows = Callable[[_Take, int], list[Row]]


@cache
def _rows_of(types: tuple[int, ...]) -> _Rows:
    """Return the function that reads rows of these types: written out, without a loop of columns.

    A worklist of fifty has three hundred values, and a loop over readers costs as much as reading.
    """
    if not types:
        return lambda _take, count: [()] * count
    columns = "".join(
        f"None if (v := take(row, {place})) is None else r{place}(v), "
        for place in range(len(types))
    )
    readers = {f"r{place}": _DECODERS[kind] for place, kind in enumerate(types)}
    made: _Rows = eval(f"lambda take, count: [({columns}) for row in range(count)]", readers)  # noqa: S307 - of numbers alone
    return made


class _Statement:
    """One prepared statement of one connection."""

    __slots__ = ("name", "rows")

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.rows: _Rows | None = None


@lru_cache(maxsize=4096)
def _compiled(sql: str) -> tuple[bytes, tuple[str, ...] | None]:
    """Return the text with ``$1`` for ``%s``, and the names in order where they are named."""
    names: list[str] = []
    places = 0

    def placed(found: re.Match[str]) -> str:
        nonlocal places
        if found[0] == "%%":
            return "%"
        if found[1] is None:
            places += 1
            return f"${places}"
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    text = _PLACEHOLDER.sub(placed, sql)
    return text.encode(), tuple(names) if names else None


class Connection(psycopg.Connection[Row]):
    """A psycopg connection that can also run a statement in one call of libpq."""

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **options)
        self._kept: OrderedDict[str, _Statement] = OrderedDict()
        self._number_given = 0
        self._poll = select.poll()
        self._poll.register(self.pgconn.socket, select.POLLIN)

    def has_news(self) -> bool:
        """Say whether there is something to read while it is idle: that its server has gone."""
        return bool(self._poll.poll(0))

    def rollback(self) -> None:
        """Roll back; psycopg deallocates every prepared statement with it, ours among them."""
        open_ = self.pgconn.transaction_status != pq.TransactionStatus.IDLE
        super().rollback()
        if open_:
            self.forget_statements()

    def forget_statements(self) -> None:
        """Prepare everything anew: whatever rolls back in psycopg deallocates all statements."""
        self._kept = OrderedDict()

    def fetch(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """Run a statement with ``%s`` or ``%(name)s`` and return its rows.

        Parameters have no type of their own: the statement says it where PostgreSQL cannot tell
        (``%s::text[]``). Inside psycopg's transaction it is part of it. Raises psycopg's errors.
        """
        text, names = _compiled(sql)
        values: list[bytes | None] = []
        formats: list[int] = []
        listed = parameters if names is None else [parameters[name] for name in names]  # type: ignore[call-overload]
        for value in listed:
            if value is None:
                values.append(None)
                formats.append(0)
            else:
                raw, form = _ENCODERS[type(value)](value)
                values.append(raw)
                formats.append(form)
        pgconn = self.pgconn
        if not self.autocommit and pgconn.transaction_status == pq.TransactionStatus.IDLE:
            self._raise_for(pgconn.exec_(b"BEGIN"))
        statement = self._statement_of(sql, text)
        result = pgconn.exec_prepared(statement.name, values, formats)  # type: ignore[arg-type]
        self._raise_for(result)
        if statement.rows is None:
            statement.rows = _rows_of(tuple(map(result.ftype, range(result.nfields))))
        return statement.rows(result.get_value, result.ntuples)

    def _statement_of(self, sql: str, text: bytes) -> _Statement:
        statements = self._kept
        if (found := statements.get(sql)) is not None:
            statements.move_to_end(sql)
            return found
        if len(statements) >= MAX_STATEMENTS:
            _, oldest = statements.popitem(last=False)
            self._raise_for(self.pgconn.exec_(b"DEALLOCATE " + oldest.name))
        self._number_given += 1
        prepared = _Statement(b"carehub_%d" % self._number_given)
        self._raise_for(self.pgconn.prepare(prepared.name, text))
        statements[sql] = prepared
        return prepared

    def _raise_for(self, result: pq.abc.PGresult) -> None:
        if result.status in _OK:
            return
        if self.pgconn.status == pq.ConnStatus.BAD:
            raise errors.OperationalError(self.pgconn.get_error_message())
        raise errors.error_from_result(result)


class Pool:
    """A fixed number of autocommit connections, made when first needed; threads queue for one.

    The one that was given back last is taken first: few servers do the work, and their caches stay
    warm, where a turn for each would keep sixteen of them half warm.
    """

    def __init__(self, make: Callable[[], Connection], size: int, patience: float) -> None:
        self._make = make
        self._size = size
        self._patience = patience
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        # Who has a turn finds a place: a place is laid down before its turn is given.
        self._turns: SimpleQueue[None] = SimpleQueue()
        self._places: list[Connection | None] = []
        for _ in range(self._size):
            self._put(None)

    def _put(self, place: Connection | None) -> None:
        self._places.append(place)
        self._turns.put(None)

    def take(self) -> Connection:
        """Return a connection of the caller's own until ``give``."""
        if self._pid != os.getpid():
            # A child must not talk through its parent's sockets.
            self._begin()
        try:
            self._turns.get(timeout=self._patience)
        except Empty:
            raise errors.OperationalError("no connection to the database came free") from None
        found = self._places.pop()
        if found is not None and not found.closed:
            if not found.has_news():
                return found
            found.close()
        try:
            return self._make()
        except BaseException:
            self._put(None)
            raise

    def give(self, connection: Connection) -> None:
        if connection.closed or connection.pgconn.status != pq.ConnStatus.OK:
            connection.close()
            self._put(None)
        else:
            self._put(connection)

    def close(self) -> None:
        """Close the connections that nobody uses now."""
        for _ in range(self._size):
            try:
                self._turns.get_nowait()
            except Empty:
                break
            found = self._places.pop()
            if found is not None:
                found.close()
            # Below those that are still open.
            self._places.insert(0, None)
            self._turns.put(None)
