"""Shipping the spool of reads into the audit, and sealing the audit in batches.

Chaining inside a write would serialise every write; one sealer chains committed rows behind the
oldest running transaction, and a day's last seal is its anchor.
"""

import hashlib
from pathlib import Path
from typing import Any

import orjson
from psycopg import Connection

from hub import clock
from hub.db import driver
from hub.transaction import current

_SPOOL_LOCK = 7_201
_SEAL_LOCK = 7_202
"""Advisory locks: one shipper and one sealer at a time, whoever is asked twice."""


def ship(folder: Path, *, leftovers: bool = False) -> int:
    """Copy closed segments into the audit and remove them; return the rows copied.

    With ``leftovers`` also the open segments of processes that are no more.
    """
    if current() is None:
        raise RuntimeError("shipping belongs to a transaction")
    segments = sorted(folder.glob("*.closed"))
    if leftovers:
        segments += [path for path in sorted(folder.glob("*.open")) if not _alive(path)]
    shipped = 0
    with driver() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SPOOL_LOCK,))
        for segment in segments:
            shipped += _ship_segment(connection, segment)
    return shipped


def _alive(segment: Path) -> bool:
    pid = segment.stem.partition("-")[2]
    return Path("/proc", pid).exists()


def _ship_segment(connection: Connection[Any], segment: Path) -> int:
    known = connection.execute(
        "SELECT 1 FROM audit_shipped WHERE segment = %s", (segment.stem,)
    ).fetchone()
    if known:
        # Its rows were committed before; the file survived a crash in between.
        segment.unlink(missing_ok=True)
        return 0
    rows, torn = [], 0
    for line in segment.read_bytes().splitlines():
        try:
            rows.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            # The last line of a process that was killed in the middle of a write.
            torn += 1
    with connection.cursor().copy(
        "COPY audit (at, actor, action, subject, version, request_id, detail) FROM STDIN"
    ) as copy:
        for at, actor, action, subject, version, request, *detail in rows:
            seen = orjson.dumps(detail[0]).decode() if detail else None
            copy.write_row((at, actor, action, subject, version, request, seen))
    connection.execute(
        "INSERT INTO audit_shipped (segment, rows, refused) VALUES (%s, %s, %s)",
        (segment.stem, len(rows), f"{torn} torn lines" if torn else None),
    )
    return len(rows)


def forget_shipped(folder: Path) -> None:
    """Remove the files of segments whose rows are committed (call after the commit)."""
    names = [path.stem for path in folder.glob("*") if path.suffix in {".closed", ".open"}]
    if not names:
        return
    with driver() as connection:
        rows = connection.execute(
            "SELECT segment FROM audit_shipped WHERE segment = ANY(%s)", (names,)
        ).fetchall()
    for (name,) in rows:
        for suffix in (".closed", ".open"):
            folder.joinpath(name + suffix).unlink(missing_ok=True)


def seal() -> int:
    """Chain the audit rows that are certain to be complete; return how many.

    Ids are drawn before the commit, so a running transaction may still add a lower id; its
    transaction id cannot fall below the oldest running one. Hence the order (xid, id).
    """
    if current() is None:
        raise RuntimeError("sealing belongs to a transaction")
    with driver() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SEAL_LOCK,))
        last = connection.execute(
            "SELECT before_xid, digest FROM audit_seal ORDER BY id DESC LIMIT 1"
        ).fetchone()
        after, previous = last or (0, b"")
        horizon = connection.execute(
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        ).fetchone()
        assert horizon is not None
        digest, rows = _digest(connection, bytes(previous), after, horizon[0])
        if rows:
            connection.execute(
                "INSERT INTO audit_seal (sealed_at, from_xid, before_xid, rows, digest)"
                " VALUES (%s, %s, %s, %s, %s)",
                (clock.now(), after, horizon[0], rows, digest),
            )
    return rows


def _digest(
    connection: Connection[Any], previous: bytes, from_xid: int, before_xid: int
) -> tuple[bytes, int]:
    digest, rows = hashlib.sha256(previous), 0
    # A named cursor streams: a bulk load leaves hundreds of thousands of rows to one seal.
    with connection.cursor(name="audit_rows") as cursor:
        cursor.itersize = 5_000
        cursor.execute(
            "SELECT to_json(a)::text FROM audit a WHERE xid >= %s AND xid < %s ORDER BY xid, id",
            (from_xid, before_xid),
        )
        for (text,) in cursor:
            digest.update(text.encode() + b"\n")
            rows += 1
    return digest.digest(), rows


def broken_seals() -> list[int]:
    """Return the ids of seals whose rows no longer give their digest (inside a transaction)."""
    if current() is None:
        raise RuntimeError("reading every seal belongs to a transaction")
    broken = []
    previous = b""
    with driver() as connection:
        seals = connection.execute(
            "SELECT id, from_xid, before_xid, rows, digest FROM audit_seal ORDER BY id"
        ).fetchall()
        for seal_id, from_xid, before_xid, count, expected in seals:
            if _digest(connection, previous, from_xid, before_xid) != (bytes(expected), count):
                broken.append(seal_id)
            previous = bytes(expected)
    return broken
