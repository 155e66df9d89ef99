"""A simulated clock for a test: set it, move it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hub import clock

SUNDAY = datetime(2026, 12, 27, 10, 0, tzinfo=UTC)
"""A Sunday between bank holidays."""


class Clockwork:
    def __init__(self, folder: Path, instant: datetime = SUNDAY) -> None:
        self._folder = folder
        clock.set_simulated(folder, instant)
        clock.use_simulated(folder)

    def advance(self, **amount: float) -> datetime:
        instant = clock.now() + timedelta(**amount)
        clock.set_simulated(self._folder, instant)
        return instant

    def set(self, instant: datetime) -> None:
        clock.set_simulated(self._folder, instant)
