"""How many more people a service says that it can take, and how much its word still counts.

Source: the care model, section 3: a directory that shows old capacity sends people to doors that
are shut. What was said halves in weight every eight hours, a working day; after two days it is as
if nothing had been said.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

HALF_LIFE = timedelta(hours=8)
FORGOTTEN = timedelta(days=2)
MOST_PLACES = 500


@dataclass(frozen=True, slots=True)
class Capacity:
    """The last word of a service on its own places."""

    places: int
    """People who can be taken on top of those who wait already; 0: full."""
    said_at: datetime
    said_by: str
    """``Practitioner/<id>``."""

    def weight(self, at: datetime) -> float:
        """Return how much it counts at an instant: 1 when just said, 0 when forgotten."""
        age = max(at - self.said_at, timedelta())
        return 0.0 if age >= FORGOTTEN else 0.5 ** (age / HALF_LIFE)

    def room(self, at: datetime) -> float:
        """Return -1 (just said to be full) to 1 (just said to have places); 0 where not known."""
        return self.weight(at) * (1 if self.places else -1)

    def is_full(self, at: datetime) -> bool:
        """Say whether it is more likely full than not: said so within one half-life."""
        return self.room(at) <= -0.5
