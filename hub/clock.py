"""The only domain time: real, or read from the clock file of a simulated hub.

Tokens, time-outs and logs use real time; everything that a rule sees uses ``now()``.
"""

import os
import struct
from datetime import UTC, datetime
from pathlib import Path

_FORMAT = struct.Struct("<q")


class _RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class _FileClock:
    """Microseconds since 1970 in eight bytes that every process of a simulated hub reads."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY)

    def now(self) -> datetime:
        (microseconds,) = _FORMAT.unpack(os.pread(self._fd, _FORMAT.size, 0))
        return datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(
            microsecond=microseconds % 1_000_000
        )


_clock: _RealClock | _FileClock = _RealClock()


def now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return _clock.now()


def clock_file(home: Path) -> Path:
    return home / "simulated-clock"


def use_simulated(home: Path) -> None:
    """Read the time from the clock file of ``home``: only for a hub that was created simulated."""
    global _clock  # noqa: PLW0603 - one process, one clock: set once by the composition root
    _clock = _FileClock(clock_file(home))


def use_real() -> None:
    global _clock  # noqa: PLW0603 - see use_simulated
    _clock = _RealClock()


def set_simulated(home: Path, instant: datetime) -> None:
    """Write the time of a simulated hub; one 8-byte pwrite, so no reader sees half of it."""
    if instant.tzinfo is None:
        raise ValueError("a simulated instant needs its time zone")
    microseconds = (
        int(instant.astimezone(UTC).replace(microsecond=0).timestamp()) * 1_000_000
        + instant.microsecond
    )
    fd = os.open(clock_file(home), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(fd, _FORMAT.pack(microseconds), 0)
    finally:
        os.close(fd)
