"""A hole and people: acknowledge it, ask those who could, hear what they say."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub.db import db
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.models.cover_hole import CoverHole
from hub.models.notice import Notice
from hub.queries import cover as cover_query
from hub.services import cover, cover_alarms, cover_people
from hub.transaction import transaction
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.cover_desk import MONDAY, count

Staff = Callable[[str], Actor]


@pytest.fixture
def hole(clockwork: Clockwork, request: pytest.FixtureRequest) -> CoverHole:
    """A morning without a palliative nurse."""
    clockwork.set(MONDAY)
    # After that: the sample rota reaches from the day on which it is loaded.
    request.getfixturevalue("definition")
    count()
    return next(each for each in cover_query.open_holes() if each.need == "palliative-nurse")


def told(kind: str) -> list[tuple[str, str]]:
    found = db.session.execute(
        select(Notice.recipient, Notice.line)
        .where(Notice.kind == kind)
        .order_by(Notice.key, Notice.recipient)
    )
    return [(who, line) for who, line in found]


def test_those_who_could_come_first_and_the_others_have_a_reason(hole: CoverHole) -> None:
    found = cover_people.offer(hole.id)

    bars = {each.staff: each.bar for each in found.standings}
    assert bars["Practitioner/eve-facilitator"] == "has another role"
    assert {"Practitioner/petra-palliative", "Practitioner/michael-adu"} <= set(bars)
    could = [each for each in found.standings if each.bar is None]
    assert could == list(found.standings[: len(could)])
    assert could
    assert all(each.tally is not None for each in could)


def test_the_lead_acknowledges_and_the_duty_manager_is_left_in_peace(
    hole: CoverHole, staff: Staff, clockwork: Clockwork
) -> None:
    with transaction():
        cover_people.acknowledge(staff("petra-palliative"), hole.id, note="Shabnam is asked")

    assert (hole.acknowledged_by, hole.note) == (
        "Practitioner/petra-palliative",
        "Shabnam is asked",
    )
    assert hole.next_alarm_at == hole.starts_at - timedelta(hours=2)
    clockwork.set(hole.starts_at - timedelta(hours=20))
    assert hole.id not in cover_alarms.due_holes()
    with pytest.raises(StateError, match="Petra Holm has acknowledged"):
        cover_people.acknowledge(staff("dana-duty"), hole.id)


@pytest.mark.parametrize("username", ["michael-adu", "ruth-rapid", "sam-spor"])
def test_others_do_not_act_on_it(hole: CoverHole, staff: Staff, username: str) -> None:
    actor = staff(username)
    with pytest.raises(NotPermittedError):
        cover_people.acknowledge(actor, hole.id)
    with pytest.raises(NotPermittedError):
        cover_people.ask(actor, hole.id, ["Practitioner/michael-adu"])
    assert hole.acknowledged_at is None
    assert told("CoverAsked") == []


@pytest.mark.parametrize("username", ["petra-palliative", "dana-duty", "morgan-manager"])
def test_its_lead_and_every_manager_act_on_it(hole: CoverHole, staff: Staff, username: str) -> None:
    with transaction():
        cover_people.acknowledge(staff(username), hole.id)
    assert hole.acknowledged_by == f"Practitioner/{username}"


def test_people_are_asked_once_and_their_answer_reaches_the_lead(
    hole: CoverHole, staff: Staff
) -> None:
    petra = staff("petra-palliative")
    could = [each.staff for each in cover_people.offer(hole.id).standings if each.bar is None]
    with transaction():
        assert cover_people.ask(petra, hole.id, could) == sorted(could)
        assert cover_people.ask(petra, hole.id, could) == []
    asked = told("CoverAsked")
    assert [who for who, _ in asked] == sorted(could)
    assert asked[0][1].startswith("Petra Holm asks: can you work Tue ")

    somebody = staff(could[0].removeprefix("Practitioner/"))
    with transaction():
        for can in (True, True, False, True):
            cover_people.answer(somebody, hole.id, can=can)

    said = [line.partition(" work ")[0] for who, line in told("CoverAnswered")]
    # Pressed twice it is said once; whoever changes their mind is heard each time.
    assert said == [f"{somebody.display} {word}" for word in ("can", "cannot", "can")]
    assert {who for who, _ in told("CoverAnswered")} == {"Practitioner/petra-palliative"}


def test_nobody_is_asked_to_break_their_rest_or_to_do_what_they_cannot(
    hole: CoverHole, staff: Staff
) -> None:
    petra = staff("petra-palliative")
    barred = next(each for each in cover_people.offer(hole.id).standings if each.bar is not None)
    for wrong, words in (
        ([barred.staff], barred.name),
        (["Practitioner/aud-hearing"], "not of this team"),
        ([], "choose whom to ask"),
    ):
        with pytest.raises(RuleError, match=words) as refusal, transaction():
            cover_people.ask(petra, hole.id, wrong)
        assert refusal.value.field == "staff"
    assert told("CoverAsked") == []


def test_only_somebody_who_was_asked_answers(hole: CoverHole, staff: Staff) -> None:
    with pytest.raises(NotPermittedError):
        cover_people.answer(staff("michael-adu"), hole.id, can=True)


def test_a_hole_that_is_no_more_is_left_alone(
    hole: CoverHole, staff: Staff, clockwork: Clockwork
) -> None:
    clockwork.set(hole.ends_at)
    with transaction():
        cover.count_if_changed()
    with pytest.raises(StateError, match="covered or has gone by"):
        cover_people.acknowledge(staff("petra-palliative"), hole.id)
    with pytest.raises(StateError, match="there is no hole"):
        cover_people.acknowledge(staff("petra-palliative"), "no-such")
