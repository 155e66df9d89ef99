"""What follows from a change of the rota, done by a real relay and a real worker."""

from collections.abc import Callable
from datetime import date, timedelta

from sqlalchemy import select

from hub import records
from hub.db import db
from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition
from hub.models.shift_offer import ShiftOffer
from hub.records import Record
from hub.services import assignments, rota_overrides, shift_offers, tasks
from hub.transaction import transaction
from tests.factories.actor import actor
from tests.unit.hub.services.duty_roster import ASHA, GARETH, WEST, at, shift_of
from tests.workflow.conftest import Processes, eventually

MONDAY, THURSDAY = date(2026, 12, 28), date(2026, 12, 31)
HUB = hub_actor("test")
WORKED = actor("gareth-price", WEST, role="district-nurse")


def _has_slots(*ids: str) -> bool:
    return len(records.read_many(HUB, [f"Slot/{each}" for each in ids])) == len(ids)


def test_the_records_follow_the_rota_and_an_offer_runs_out(
    processes: Processes, definition: HubDefinition, advance: Callable[[timedelta], None]
) -> None:
    monday, thursday = shift_of(GARETH, MONDAY).id, shift_of(GARETH, THURSDAY).id
    processes.start("worker", "relay")
    eventually(lambda: _has_slots(monday, thursday), processes=processes)

    with transaction():
        offer = shift_offers.offer(WORKED, thursday, to=ASHA).id
        rota_overrides.take_off(HUB, monday, reason="closed")
    eventually(lambda: not _has_slots(monday), processes=processes)

    def status() -> str | None:
        return db.session.scalar(select(ShiftOffer.status).where(ShiftOffer.id == offer))

    assert status() == "offered"
    advance(at(THURSDAY, 7, 30) - at(date(2026, 12, 27), 13))
    eventually(lambda: status() == "expired", processes=processes)


def test_work_due_in_lost_time_moves_when_that_time_starts(
    processes: Processes,
    definition: HubDefinition,
    accepted_referral: Callable[..., Record],
    advance: Callable[[timedelta], None],
) -> None:
    task = accepted_referral()
    shift = shift_of(GARETH, MONDAY).id
    with transaction():
        tasks.assign(HUB, task.id, to=GARETH, because="a test")
        rota_overrides.take_off(HUB, shift, reason="closed")
    processes.start("worker", "relay")
    advance(at(MONDAY, 12, 30) - at(date(2026, 12, 27), 13))

    def owner() -> str:
        spell = assignments.current(task.id)
        return spell.owner if spell else ""

    eventually(lambda: owner() not in {"", GARETH}, processes=processes)
