"""Absences that begin, and the rota rolled forward."""

from datetime import datetime, timedelta

from hub import clock
from hub.domain import calendars
from hub.services import definitions, rota, rota_overrides
from hub.transaction import transaction
from workflows.app import celery
from workflows.handlers import Event, handler

AHEAD_DAYS = 28
"""Shifts exist this far ahead: a fortnight's coverage view and a fortnight to spare."""


@handler
def rehome(event: Event) -> None:
    """AbsenceReported, due at its start: move the open tasks of who is away now."""
    absence = rota.absence(event.payload["absence"])
    if absence is not None:
        rota.rehome(absence)


@handler
def rehome_lost(event: Event) -> None:
    """TimeLost, due at its start: move what is due in time that somebody does not work any more."""
    rota_overrides.rehome_lost(
        event.subject,
        datetime.fromisoformat(event.payload["from"]),
        datetime.fromisoformat(event.payload["to"]),
    )


@celery.task(name="workflows.absence.plan_rota")  # type: ignore[untyped-decorator]
def plan_rota() -> int:
    """Make the shifts of the next four weeks; those that stand already stay."""
    with transaction():
        home = calendars.zone(definitions.current().time_zone)
        today = clock.now().astimezone(home).date()
        return rota.plan_shifts(today, today + timedelta(days=AHEAD_DAYS))
