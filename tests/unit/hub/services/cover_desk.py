"""Counting the cover and reporting absences, as tests of several parts of the cover do."""

from datetime import UTC, datetime, timedelta

from hub.domain.actor import hub_actor
from hub.services import cover, rota
from hub.transaction import transaction

HUB = hub_actor("test")
HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 11, 30, 6, tzinfo=UTC)
"""No bank holiday is near; the sample rota reaches a fortnight back and ten weeks on."""


def count(by: str = "test") -> list[str]:
    with transaction():
        return cover.recount(by=by)


def away(username: str, start: datetime, hours: float = 8) -> None:
    with transaction():
        rota.report_absence(
            HUB,
            f"Practitioner/{username}",
            starts_at=start,
            ends_at=start + hours * HOUR,
            reason="sickness",
        )
