"""Review intervals of the care model, sections 4 and 8."""

from datetime import date, timedelta

import pytest

from hub.domain import reviews
from hub.domain.errors import RuleError

DAY = date(2026, 12, 27)


@pytest.mark.parametrize(
    ("band", "days"), [("very-high", 28), ("high", 90), ("medium", 180), ("low", 365), (None, 365)]
)
def test_by_risk_band(band: str | None, days: int) -> None:
    assert reviews.next_review(DAY, {}, band=band) == DAY + timedelta(days=days)


def test_the_shorter_of_band_and_stage() -> None:
    assert reviews.interval({}, band="very-high", stage="weeks") == timedelta(days=7)
    assert reviews.interval({}, band="very-high", stage="years") == timedelta(days=28)


def test_the_hub_sets_its_own_days() -> None:
    assert reviews.interval({"risk.high": 60}, band="high") == timedelta(days=60)
    with pytest.raises(RuleError, match="no review interval"):
        reviews.interval({}, band="enormous")


def test_overdue_from_the_day_after() -> None:
    assert not reviews.is_overdue(DAY, DAY)
    assert reviews.is_overdue(DAY, DAY + timedelta(days=1))
