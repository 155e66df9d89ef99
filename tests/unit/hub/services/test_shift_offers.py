"""Swaps on the rota of district nursing west: both shifts change hands, or neither."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import Range

from hub import clock
from hub.db import db
from hub.domain.definition import HubDefinition
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.models.notice import Notice
from hub.models.shift import Shift
from hub.models.shift_offer import ShiftOffer
from hub.services import rota, rota_overrides, shift_offers
from hub.transaction import transaction
from tests.factories.shift import shift
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.duty_roster import (
    AMINA,
    ASHA,
    BERNARD,
    GARETH,
    LUCY,
    WEST,
    Staff,
    at,
    events,
    shift_of,
)

MONDAY, TUESDAY, WEDNESDAY = date(2026, 12, 28), date(2026, 12, 29), date(2026, 12, 30)
THURSDAY = date(2026, 12, 31)


@pytest.fixture(autouse=True)
def time(app: Flask, tmp_path: Path) -> Clockwork:
    return Clockwork(tmp_path)


def offer(staff: Staff, shift: Shift, to: str, against: Shift | None = None) -> ShiftOffer:
    with transaction():
        return shift_offers.offer(
            staff(shift.practitioner.removeprefix("Practitioner/")),
            shift.id,
            to=to,
            against=against.id if against else None,
        )


def told(practitioner: str) -> list[str]:
    return list(
        db.session.scalars(
            select(Notice.line).where(Notice.recipient == practitioner).order_by(Notice.id)
        )
    )


def test_two_shifts_at_the_same_time_change_hands_at_once(
    definition: HubDefinition, staff: Staff
) -> None:
    early, late = shift_of(ASHA, MONDAY), shift_of(GARETH, MONDAY)
    assert early.during.overlaps(late.during)
    made = offer(staff, early, GARETH, late)

    with transaction():
        shift_offers.accept(staff("gareth-price"), made.id)

    assert shift_of(GARETH, MONDAY).id == early.id
    assert shift_of(ASHA, MONDAY).id == late.id
    assert (early.during.lower, late.during.lower) == (at(MONDAY, 7, 30), at(MONDAY, 12, 30))
    assert (early.sequence, early.cause) == (1, "swapped")


def test_an_offer_names_both_shifts(definition: HubDefinition, staff: Staff) -> None:
    offer(staff, shift_of(GARETH, MONDAY), LUCY, shift_of(LUCY, MONDAY))
    assert told(LUCY) == [
        "Gareth Price offers you the shift Mon 28 Dec 12:30 to 20:30 for your shift"
        " Mon 28 Dec 07:30 to 15:30."
    ]


def test_a_gift_to_somebody_at_work_then_is_refused(
    definition: HubDefinition, staff: Staff
) -> None:
    with transaction(), pytest.raises(RuleError, match="Gareth Price works another shift"):
        shift_offers.offer(staff("asha-nurse"), shift_of(ASHA, MONDAY).id, to=GARETH)


@pytest.mark.parametrize(("rest", "refused"), [(10, True), (11, False)])
@pytest.mark.parametrize("side", ["before", "after"])
def test_nobody_takes_a_shift_that_costs_them_their_rest(
    rest: int, refused: bool, side: str, definition: HubDefinition, staff: Staff
) -> None:
    gift = shift_of(GARETH, THURSDAY)
    starts, ends = gift.during.lower, gift.during.upper
    assert starts is not None
    assert ends is not None
    gap = timedelta(hours=rest)
    span = (
        Range(starts - gap - timedelta(hours=4), starts - gap)
        if side == "before"
        else Range(ends + gap, ends + gap + timedelta(hours=4))
    )
    with transaction():
        db.session.execute(
            delete(Shift).where(
                Shift.practitioner == ASHA,
                Shift.during.overlaps(Range(starts - timedelta(days=1), ends + timedelta(days=1))),
            )
        )
        shift(ASHA, team=WEST, during=span)

    if refused:
        with transaction(), pytest.raises(RuleError, match="less than 11 hours of rest"):
            shift_offers.offer(staff("gareth-price"), gift.id, to=ASHA)
    else:
        offer(staff, gift, ASHA)


def test_being_on_call_is_no_work_that_needs_rest(definition: HubDefinition, staff: Staff) -> None:
    gift = shift_of(GARETH, THURSDAY)
    starts = gift.during.lower
    assert starts is not None
    with transaction():
        db.session.execute(
            delete(Shift).where(
                Shift.practitioner == ASHA,
                Shift.during.overlaps(
                    Range(starts - timedelta(days=1), starts + timedelta(days=2))
                ),
            )
        )
        span = Range(starts - timedelta(hours=8), starts - timedelta(hours=1))
        shift(ASHA, team=WEST, during=span, kind="on-call")

    offer(staff, gift, ASHA)


def test_a_gift_changes_one_shift_and_everybody_hears_of_it(
    definition: HubDefinition, staff: Staff
) -> None:
    shift = shift_of(GARETH, THURSDAY)
    made = offer(staff, shift, ASHA)
    before = len(events("RotaChanged"))
    with transaction():
        shift_offers.accept(staff("asha-nurse"), made.id)

    assert shift_of(ASHA, THURSDAY).id == shift.id
    assert "Gareth Price" in told(ASHA)[-1]
    assert told(GARETH)[-1].startswith("Asha Patel works the shift Thu 31 Dec")
    ((team, payload),) = events("RotaChanged")[before:]
    assert team == WEST
    assert payload["teams"] == [WEST]
    assert payload["people"] == [ASHA, GARETH]
    assert payload["from"] == at(THURSDAY, 7, 30).astimezone(clock.now().tzinfo).isoformat()


def test_what_was_given_away_is_not_planned_again(definition: HubDefinition, staff: Staff) -> None:
    shift = shift_of(GARETH, THURSDAY)
    made = offer(staff, shift, ASHA)
    with transaction():
        shift_offers.accept(staff("asha-nurse"), made.id)
        assert rota.plan_shifts(THURSDAY, THURSDAY) == 0


def test_only_who_was_asked_answers_and_only_who_offered_takes_it_back(
    definition: HubDefinition, staff: Staff
) -> None:
    made = offer(staff, shift_of(GARETH, THURSDAY), ASHA)
    with transaction(), pytest.raises(NotPermittedError):
        shift_offers.accept(staff("lucy-hart"), made.id)
    with transaction(), pytest.raises(NotPermittedError):
        shift_offers.withdraw(staff("asha-nurse"), made.id)
    with transaction():
        assert shift_offers.withdraw(staff("gareth-price"), made.id).status == "withdrawn"
    with transaction(), pytest.raises(StateError, match="withdrawn already"):
        shift_offers.accept(staff("asha-nurse"), made.id)


def test_a_refused_shift_stays_and_its_owner_is_told(
    definition: HubDefinition, staff: Staff
) -> None:
    shift = shift_of(GARETH, THURSDAY)
    made = offer(staff, shift, ASHA)
    with transaction():
        shift_offers.refuse(staff("asha-nurse"), made.id, note="my son's birthday")

    assert shift_of(GARETH, THURSDAY).id == shift.id
    assert told(GARETH) == ["Asha Patel said no: my son's birthday"]


def test_an_offer_ends_when_its_shift_starts_once(
    definition: HubDefinition, staff: Staff, time: Clockwork
) -> None:
    made = offer(staff, shift_of(GARETH, THURSDAY), ASHA)
    with transaction():
        assert not shift_offers.expire(made.id)
    assert events("ShiftOfferExpires") == [(f"ShiftOffer/{made.id}", {"offer": made.id})]

    time.set(at(THURSDAY, 7, 30))
    with transaction(), pytest.raises(StateError, match="expired"):
        shift_offers.accept(staff("asha-nurse"), made.id)
    with transaction():
        assert shift_offers.expire(made.id)
        assert not shift_offers.expire(made.id)
    assert "stays theirs" in told(GARETH)[-1]
    assert "stays theirs" in told(ASHA)[-1]


def test_somebody_of_another_team_is_not_asked(definition: HubDefinition, staff: Staff) -> None:
    with transaction(), pytest.raises(RuleError, match="does not work in District nursing west"):
        shift_offers.offer(staff("gareth-price"), shift_of(GARETH, THURSDAY).id, to=BERNARD)


def test_a_changed_shift_is_no_longer_on_offer(definition: HubDefinition, staff: Staff) -> None:
    shift = shift_of(GARETH, THURSDAY)
    made = offer(staff, shift, ASHA)
    with transaction():
        rota_overrides.move(
            staff("asha-nurse"),
            shift.id,
            starts_at=at(THURSDAY, 7, 30),
            ends_at=at(THURSDAY, 18),
            reason="cover until six",
        )
    with transaction(), pytest.raises(StateError, match="withdrawn already"):
        shift_offers.accept(staff("asha-nurse"), made.id)
    assert "has ended: the shift has changed" in told(ASHA)[-1]


def test_a_shift_is_on_offer_to_one_colleague_at_a_time(
    definition: HubDefinition, staff: Staff
) -> None:
    shift = shift_of(AMINA, WEDNESDAY)
    offer(staff, shift, GARETH)
    with transaction(), pytest.raises(StateError, match="on offer already"):
        shift_offers.offer(staff("amina-yusuf"), shift.id, to=GARETH)


def test_who_is_away_then_does_not_take_a_shift_on(definition: HubDefinition, staff: Staff) -> None:
    made = offer(staff, shift_of(GARETH, THURSDAY), ASHA)
    with transaction():
        rota.report_absence(
            staff("asha-nurse"),
            ASHA,
            starts_at=at(THURSDAY, 10),
            ends_at=at(THURSDAY, 11) + timedelta(days=1),
            reason="training",
        )
    with transaction(), pytest.raises(RuleError, match="Asha Patel is away at that time"):
        shift_offers.accept(staff("asha-nurse"), made.id)
