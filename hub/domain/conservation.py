"""Whether everything that came in is accounted for: per channel and hour, and for a whole day.

received = accepted + redirected + declined + withdrawn + waiting;
messages = processed + duplicate + refused + quarantined. Source: the care model, section 3: no
referral is lost, none is counted twice.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

REFERRALS = ("accepted", "redirected", "declined", "withdrawn", "waiting")
MESSAGES = ("processed", "duplicate", "refused", "quarantined")


@dataclass(frozen=True, slots=True)
class Counted:
    """What came in by one channel in one hour, and what became of it until it was counted."""

    what: str
    """``referrals`` or ``messages``."""
    channel: str
    hour: datetime
    """Start of the hour; a night on which the clocks change has hours of its own."""
    received: int
    parts: Mapping[str, int] = field(default_factory=dict)

    @property
    def adds_up(self) -> bool:
        return self.received == sum(self.parts.values())


def span(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """Return when a local day begins and ends: 23, 24 or 25 hours."""
    zone = ZoneInfo(time_zone)
    start = datetime.combine(day, time(0), zone)
    return start, datetime.combine(day + timedelta(days=1), time(0), zone)


def count(
    what: str,
    received: Iterable[tuple[str, datetime]],
    ended: Iterable[tuple[str, datetime, str]],
) -> list[Counted]:
    """Set beside each other what came in and what is told of it, from two different records.

    ``received`` are (channel, instant); ``ended`` are (channel, instant of receipt, what became of
    it). An hour that only one of them knows is there too: that is what does not add up.
    """
    came = Counter((channel, _hour(at)) for channel, at in received)
    told: dict[tuple[str, datetime], Counter[str]] = defaultdict(Counter)
    for channel, at, part in ended:
        told[channel, _hour(at)][part] += 1
    return [
        Counted(what, channel, hour, came[channel, hour], dict(sorted(told[channel, hour].items())))
        for channel, hour in sorted({*came, *told}, key=lambda key: (key[1], key[0]))
    ]


def broken(counts: Iterable[Counted]) -> list[Counted]:
    """Return the hours that do not add up."""
    return [each for each in counts if not each.adds_up]


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
