"""A role is offered and accepted: until then it is the giver's, and every end is told."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub import clock, records
from hub.db import db
from hub.domain.accountability import AccountableRole
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.models.accountability import AccountabilityOffer
from hub.models.notice import Notice
from hub.services import accountability, accountability_offers
from hub.services import accountability_offer_rows as rows
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.conftest import SET_UP, Person

Make = Callable[..., Person]
Staff = Callable[[str], Actor]
JO, ASHA, GARETH = (
    f"Practitioner/{each}" for each in ("jo-coordinator", "asha-nurse", "gareth-price")
)
COORDINATOR = AccountableRole.COORDINATOR


@pytest.fixture
def ada(person: Make, clockwork: Clockwork) -> Person:
    """Somebody whose coordinator is Jo, since a minute ago."""
    made = person()
    with transaction():
        accountability.name(SET_UP, made.id, role="care-coordinator", practitioner=JO)
    clockwork.advance(minutes=1)
    return made


def holder(person: Person) -> str:
    return accountability.current(SET_UP, person.id)[COORDINATOR].practitioner


def offer(actor: Actor, person: Person, to: str = ASHA, **more: object) -> AccountabilityOffer:
    with transaction():
        made, _ = accountability_offers.offer(
            actor,
            [person.id],
            role="care-coordinator",
            to=to,
            **more,  # type: ignore[arg-type]
        )
    return made[0]


def told(recipient: str, kind: str) -> list[str]:
    found = select(Notice.line).where(Notice.recipient == recipient, Notice.kind == kind)
    return list(db.session.scalars(found))


def test_the_giver_keeps_it_until_it_is_accepted(
    ada: Person, staff: Staff, clockwork: Clockwork
) -> None:
    made = offer(staff("jo-coordinator"), ada)
    assert holder(ada) == JO
    (line,) = told(ASHA, "AccountabilityOffered")
    assert line.endswith("offers you 1 person: care coordinator")
    clockwork.advance(hours=2)

    with transaction():
        accountability_offers.accept(staff("asha-nurse"), made.id)

    assert holder(ada) == ASHA
    first, second = accountability.history(SET_UP, ada.id)
    assert (first.practitioner, first.end) == (JO, second.start)
    assert len(told(JO, "AccountabilityOfferEnded")) == 1
    provenance = records.search(SET_UP, "Provenance", [("target", f"Patient/{ada.id}")]).records
    assert [each["agent"][1]["who"]["reference"] for each in provenance] == [JO]


def test_refused_and_withdrawn_it_stays_and_both_sides_hear(ada: Person, staff: Staff) -> None:
    jo, asha = staff("jo-coordinator"), staff("asha-nurse")
    with transaction():
        accountability_offers.refuse(asha, offer(jo, ada).id, reason="My list is full")
    with transaction():
        accountability_offers.withdraw(jo, offer(jo, ada, to=GARETH).id)

    assert holder(ada) == JO
    assert told(JO, "AccountabilityOfferEnded") == [
        "Care coordinator: the offer was refused: My list is full"
    ]
    assert told(GARETH, "AccountabilityOfferEnded") == ["Care coordinator: the offer was withdrawn"]


def test_an_offer_that_nobody_answers_expires_and_both_are_told(
    ada: Person, staff: Staff, clockwork: Clockwork
) -> None:
    made = offer(staff("jo-coordinator"), ada, expires_at=clock.now() + timedelta(hours=1))
    with transaction():
        assert not accountability_offers.expire(made.id)
    clockwork.advance(hours=1)

    with pytest.raises(StateError, match="expired"), transaction():
        accountability_offers.accept(staff("asha-nurse"), made.id)
    with transaction():
        assert accountability_offers.expire(made.id)

    assert holder(ada) == JO
    assert len(told(JO, "AccountabilityOfferEnded")) == 1
    assert len(told(ASHA, "AccountabilityOfferEnded")) == 1


def test_only_the_giver_offers_and_only_the_receiver_accepts(ada: Person, staff: Staff) -> None:
    with transaction():
        # Gareth looks after this person too, and is not their coordinator.
        accountability.name(SET_UP, ada.id, role="social-worker", practitioner=GARETH)
    with pytest.raises(StateError, match="only who holds it"):
        offer(staff("gareth-price"), ada)
    made = offer(staff("jo-coordinator"), ada)

    with pytest.raises(NotPermittedError), transaction():
        accountability_offers.accept(staff("gareth-price"), made.id)
    with pytest.raises(NotPermittedError), transaction():
        accountability_offers.withdraw(staff("asha-nurse"), made.id)


def test_nobody_is_offered_to_two_people_at_once(ada: Person, staff: Staff) -> None:
    offer(staff("jo-coordinator"), ada)

    with pytest.raises(StateError, match="offered to somebody already"):
        offer(staff("jo-coordinator"), ada, to=GARETH)


def test_an_offer_is_overtaken_when_somebody_else_is_named(
    ada: Person, staff: Staff, clockwork: Clockwork
) -> None:
    made = offer(staff("jo-coordinator"), ada)
    clockwork.advance(minutes=1)
    with transaction():
        accountability.name(SET_UP, ada.id, role="care-coordinator", practitioner=GARETH)

    assert rows.locked(made.id).state == "overtaken"
    with pytest.raises(StateError, match="overtaken"), transaction():
        accountability_offers.accept(staff("asha-nurse"), made.id)
    assert holder(ada) == GARETH


def test_what_is_asked_for_wrongly_is_refused_in_words(ada: Person, staff: Staff) -> None:
    jo = staff("jo-coordinator")
    with pytest.raises(RuleError, match="ends ahead"):
        offer(jo, ada, expires_at=clock.now())
    with pytest.raises(RuleError, match="member of staff"):
        offer(jo, ada, to="Practitioner/nobody")
    with pytest.raises(StateError, match="holds this already"):
        offer(jo, ada, to=JO)


def test_a_caseload_of_eighty_is_offered_at_once_and_accepted_one_by_one(
    person: Make, staff: Staff, clockwork: Clockwork
) -> None:
    ids = []
    with transaction():
        for number in range(80):
            ids.append(patient(name=[{"family": f"Caseload {number}"}]).id)
            accountability.name(SET_UP, ids[-1], role="care-coordinator", practitioner=JO)
    clockwork.advance(minutes=1)
    stranger = person()

    with transaction():
        made, refused = accountability_offers.offer(
            SET_UP, [*ids, stranger.id], role="care-coordinator", to=ASHA
        )

    assert (len(made), [each.patient_id for each in refused]) == (80, [stranger.id])
    assert len(told(ASHA, "AccountabilityOffered")) == 1
    asha = staff("asha-nurse")
    for each in made[:3]:
        with transaction():
            accountability_offers.accept(asha, each.id)
    with transaction():
        accountability_offers.refuse(asha, made[3].id)
    assert accountability_offers.caseload_size(ASHA) == {COORDINATOR: 3}
    assert accountability_offers.caseload_size(JO) == {COORDINATOR: 77}
