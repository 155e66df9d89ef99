"""The audit of reads: a line in a file of this process before the answer leaves, shipped in bulk.

Writing an audit row for every read would make each read a write. A segment is closed after some
seconds or when its process ends; ``ship`` copies closed segments into the audit table, each once.
"""

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import orjson

from hub import at_hand, clock
from hub.domain.actor import Actor, ActorKind
from hub.records.audit import request_id

SEGMENT_SECONDS = 15.0
"""How long a process writes to one segment; readers' audit is that much behind at the most."""


IN_A_ROW = 500
"""Records that one row names at the most: an export sees thousands."""

_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


class Spool:
    """The open segment of this process; safe for its threads and after a fork."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._fd = -1
        self._pid = 0
        self._opened = 0.0
        self._path = folder

    def append(self, line: bytes) -> None:
        """Add a line: one write() to a file opened for appending, so lines never mix."""
        with self._lock:
            if self._pid != os.getpid() or time.monotonic() - self._opened > SEGMENT_SECONDS:
                self._turn()
            os.write(self._fd, line)

    def _turn(self) -> None:
        if self._fd >= 0 and self._pid == os.getpid():
            os.close(self._fd)
            self._path.rename(self._path.with_suffix(".closed"))
        self._folder.mkdir(parents=True, exist_ok=True)
        self._pid = os.getpid()
        self._opened = time.monotonic()
        self._path = self._folder / f"{time.time_ns()}-{self._pid}.open"
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def looked(actor: Actor, action: str, subject: str, version: int | None = None) -> None:
    """Note that ``actor`` saw ``subject``. The hub's own reads are not looks."""
    if actor.kind is ActorKind.HUB:
        return
    spool: Spool = at_hand.app().extensions["carehub_spool"]
    spool.append(
        orjson.dumps(
            [clock.now(), actor.id, action, subject, version, request_id.get()], option=_OPTIONS
        )
    )


def looked_at(actor: Actor, action: str, subject: str, found: Sequence[str]) -> None:
    """Note that ``actor`` saw several versions (``Type/id/_history/1``), found in ``subject``.

    One row stands for all of a page: its detail names each. A row for each record would make the
    audit of a worklist fifty times as long as that of what is done with it.
    """
    if actor.kind is ActorKind.HUB:
        return
    if not found:
        return
    at, request = clock.now(), request_id.get()
    lines = [
        orjson.dumps(
            [
                at,
                actor.id,
                action,
                subject,
                None,
                request,
                {"seen": found[start : start + IN_A_ROW]},
            ],
            option=_OPTIONS,
        )
        for start in range(0, len(found), IN_A_ROW)
    ]
    spool: Spool = at_hand.app().extensions["carehub_spool"]
    spool.append(b"".join(lines))
