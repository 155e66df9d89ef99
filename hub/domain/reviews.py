"""How often people are reviewed: by risk band, and by stage at the end of life.

Source: the care model, section 4 (care plan review) and section 8; the days are the hub's data.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum

from hub.domain.errors import RuleError


class RiskBand(StrEnum):
    VERY_HIGH = "very-high"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


#: Keys of ``HubDefinition.review_days`` with the care model's defaults; those of the end of life
#: follow the three-monthly MDT review of everybody on the register (QOF) and shorten by stage.
DEFAULT_DAYS: Mapping[str, int] = {
    "risk.very-high": 28,
    "risk.high": 90,
    "risk.medium": 180,
    "risk.low": 365,
    "eol.years": 90,
    "eol.months": 30,
    "eol.weeks": 7,
    "eol.days": 1,
}


def interval(
    days: Mapping[str, int], *, band: str | None = None, stage: str | None = None
) -> timedelta:
    """Return the time between reviews; the stage goes before the band, the shorter one wins."""
    keys = [f"risk.{band}"] if band else []
    if stage:
        keys.append(f"eol.{stage}")
    known = {**DEFAULT_DAYS, **days}
    unknown = [key for key in keys if key not in known]
    if unknown:
        raise RuleError(f"no review interval is set for {unknown[0]}", allowed=sorted(known))
    if not keys:
        keys = ["risk.low"]
    return timedelta(days=min(known[key] for key in keys))


def next_review(
    last: date, days: Mapping[str, int], *, band: str | None = None, stage: str | None = None
) -> date:
    """Return the day of the next review after ``last``."""
    return last + interval(days, band=band, stage=stage)


def is_overdue(due: date, today: date) -> bool:
    """A review is overdue from the day after it was due."""
    return today > due
