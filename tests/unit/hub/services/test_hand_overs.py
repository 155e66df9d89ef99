"""Handing work over: offered, answered once, and the owner has it until the other accepts."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from fhir.outcomes import NotFoundError, VersionConflictError
from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.models.notice import Notice
from hub.models.offer import TaskOffer
from hub.queries import offers as offers_query
from hub.records import Record
from hub.services import assignments, hand_overs, offers, tasks
from hub.transaction import transaction
from tests.factories.absence import absence
from tests.factories.task import visit
from tests.unit.hub.services.clockwork import Clockwork

Staff = Callable[[str], Actor]
HUB = hub_actor("test")
GARETH = "Practitioner/gareth-price"
PETRA = "Practitioner/petra-palliative"


@pytest.fixture(autouse=True)
def time(clockwork: Clockwork) -> Clockwork:
    return clockwork


@pytest.fixture
def patient(person: Callable[..., object]) -> str:
    return str(person().reference)  # type: ignore[attr-defined]


@pytest.fixture
def mine(patient: str, staff: Staff) -> Record:
    """Work that the nurse has accepted: version 2."""
    task = visit(patient, owner="Practitioner/asha-nurse", clock="community-routine")
    with transaction():
        return tasks.accept(staff("asha-nurse"), task.id, version=1)


@pytest.fixture
def offered(mine: Record, staff: Staff) -> TaskOffer:
    with transaction():
        return hand_overs.offer(
            staff("asha-nurse"), mine.id, version=2, to=PETRA, note="Back door is open"
        )


def told(practitioner: str) -> list[str]:
    query = select(Notice.line).where(Notice.recipient == practitioner).order_by(Notice.id)
    return list(db.session.execute(query).scalars())


def owner(task_id: str) -> str:
    return str(records.read(HUB, "Task", task_id)["owner"]["reference"])


def test_the_owner_keeps_the_task_until_the_other_accepts(
    mine: Record, offered: TaskOffer, staff: Staff
) -> None:
    assert owner(mine.id) == "Practitioner/asha-nurse"
    assert records.read(HUB, "Task", mine.id).version == mine.version

    with transaction():
        taken = hand_overs.accept(staff("petra-palliative"), offered.id)

    assert taken["owner"] == {"reference": PETRA}
    assert taken["status"] == "accepted"
    spells = assignments.spells_of(mine.id)
    assert [spell.outcome for spell in spells] == ["handed-over", None]
    assert spells[0].ends_at == spells[1].starts_at
    assert offered.answer == "accepted"
    assert offers_query.open_offer(mine.id) is None


def test_both_sides_are_told_of_each_step_once(
    mine: Record, offered: TaskOffer, staff: Staff
) -> None:
    assert told(PETRA) == ["Asha Patel asks you: accept or refuse (intervention)"]

    with transaction():
        hand_overs.accept(staff("petra-palliative"), offered.id)

    assert told("Practitioner/asha-nurse") == [
        "Petra Holm has accepted the task offered to them (intervention)"
    ]
    # Who asked for the work hears who does it now.
    assert told("Practitioner/sam-spor")[-1].endswith("took the task over: intervention")
    assert len(told(PETRA)) == 1


def test_who_is_asked_may_look_until_they_have_answered(
    mine: Record, offered: TaskOffer, staff: Staff, patient: str
) -> None:
    petra = staff("petra-palliative")
    kind, _, identity = patient.partition("/")
    assert records.read(petra, kind, identity).id == identity

    with transaction():
        hand_overs.refuse(petra, offered.id, reason="I am in Shoebury today")

    with pytest.raises(NotFoundError):
        records.read(petra, kind, identity)
    with pytest.raises(NotFoundError):
        records.read(staff("mina-mental"), "Task", mine.id)


def test_a_refusal_leaves_the_task_where_it_is_and_says_why(
    mine: Record, offered: TaskOffer, staff: Staff
) -> None:
    with transaction(), pytest.raises(RuleError, match="say why"):
        hand_overs.refuse(staff("petra-palliative"), offered.id, reason=" ")
    with transaction():
        hand_overs.refuse(staff("petra-palliative"), offered.id, reason="no-capacity")

    assert owner(mine.id) == "Practitioner/asha-nurse"
    assert offered.reason == "no-capacity"
    assert told("Practitioner/asha-nurse") == [
        "Petra Holm cannot take the task offered to them: it stays with you (intervention)"
    ]
    # Asked again, somebody else.
    with transaction():
        hand_overs.offer(staff("asha-nurse"), mine.id, version=2, to=GARETH)


def test_an_offer_is_withdrawn_by_the_side_that_made_it(
    mine: Record, offered: TaskOffer, staff: Staff
) -> None:
    with transaction(), pytest.raises(NotPermittedError, match="Asha Patel made this offer"):
        hand_overs.withdraw(staff("petra-palliative"), offered.id)
    with transaction():
        hand_overs.withdraw(staff("gareth-price"), offered.id)

    assert told(PETRA)[-1] == "Gareth Price no longer asks you to take a task (intervention)"
    assert told("Practitioner/asha-nurse") == [
        "Gareth Price no longer offers the task to Petra Holm (intervention)"
    ]
    with transaction(), pytest.raises(StateError, match="withdrawn by Gareth Price"):
        hand_overs.accept(staff("petra-palliative"), offered.id)


def test_nobody_answers_for_somebody_else(mine: Record, offered: TaskOffer, staff: Staff) -> None:
    for answer in (
        lambda: hand_overs.accept(staff("gareth-price"), offered.id),
        lambda: hand_overs.refuse(staff("gareth-price"), offered.id, reason="x"),
    ):
        with transaction(), pytest.raises(NotPermittedError, match="Petra Holm is asked"):
            answer()
    # A stranger does not even learn that there is an offer.
    with transaction(), pytest.raises(NotFoundError):
        hand_overs.accept(staff("mina-mental"), offered.id)
    with transaction(), pytest.raises(NotFoundError):
        hand_overs.accept(staff("gareth-price"), "none")


def test_an_offer_that_nobody_answers_ends_and_the_owner_is_told(
    mine: Record, offered: TaskOffer, staff: Staff, time: Clockwork
) -> None:
    with transaction():
        assert hand_overs.expire(offered.id) is None
    time.set(offered.expires_at)
    with transaction(), pytest.raises(StateError, match="time to answer"):
        hand_overs.accept(staff("petra-palliative"), offered.id)
    for _ in range(2):
        with transaction():
            hand_overs.expire(offered.id)

    assert offered.answer == "expired"
    assert owner(mine.id) == "Practitioner/asha-nurse"
    assert told("Practitioner/asha-nurse") == [
        "Petra Holm has not answered in time: the task stays with you (intervention)"
    ]
    assert told(PETRA)[-1] == "An offer to you has ended without your answer (intervention)"


def test_urgent_work_is_answered_soon(mine: Record, patient: str, staff: Staff) -> None:
    urgent = visit(patient, owner="Practitioner/asha-nurse")
    with transaction():
        soon = hand_overs.offer(staff("asha-nurse"), urgent.id, version=1, to=GARETH)

    assert soon.expires_at == clock.now() + timedelta(minutes=30)


def test_other_changes_leave_an_offer_standing(
    mine: Record, offered: TaskOffer, staff: Staff
) -> None:
    asha = staff("asha-nurse")
    with transaction():
        tasks.start(asha, mine.id, version=2)
        tasks.advance(asha, mine.id, version=3, step="first-contact")
    # Under the version that was seen, where the other asks for it.
    with transaction(), pytest.raises(VersionConflictError):
        hand_overs.accept(staff("petra-palliative"), offered.id, version=2)

    with transaction():
        assert hand_overs.accept(staff("petra-palliative"), offered.id).version == 5


@pytest.mark.parametrize("how", ["completed", "moved"])
def test_an_offer_lapses_when_the_task_is_closed_or_moves_and_both_are_told(
    mine: Record, offered: TaskOffer, staff: Staff, how: str
) -> None:
    with transaction():
        if how == "completed":
            tasks.complete(staff("asha-nurse"), mine.id, version=2, outcome="done")
        else:
            tasks.assign(HUB, mine.id, to=GARETH, because="away", cause="absence")

    assert offered.answer == "lapsed"
    assert "has lapsed" in told(PETRA)[-1]
    by_whom = "Asha Patel" if how == "completed" else "Gareth Price has the task now"
    with transaction(), pytest.raises(StateError, match=by_whom):
        hand_overs.accept(staff("petra-palliative"), offered.id)


def test_an_offer_is_accepted_by_an_update_of_the_task_too(
    mine: Record, offered: TaskOffer, staff: Staff
) -> None:
    petra = staff("petra-palliative")
    body = mine.resource | {"owner": {"reference": PETRA}}
    with transaction():
        taken = records.update(petra, body, type="Task", id=mine.id, if_match=2)

    assert (taken["owner"]["reference"], offered.answer) == (PETRA, "accepted")
    with transaction(), pytest.raises(StateError, match="offer it to"):
        records.update(
            petra,
            taken.resource | {"owner": {"reference": GARETH}},
            type="Task",
            id=mine.id,
            if_match=3,
        )


def test_pool_work_is_offered_to_somebody_by_name_and_stays_the_pools(
    patient: str, staff: Staff
) -> None:
    pool = visit(patient)
    with transaction():
        made = hand_overs.offer(staff("asha-nurse"), pool.id, version=1, to=GARETH)

    assert owner(pool.id) == "CareTeam/district-nursing-west"
    # Whoever is faster: the pool is still everybody's.
    with transaction():
        tasks.claim(staff("lucy-hart"), pool.id, version=1)
    assert made.answer == "lapsed"


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("Practitioner/asha-nurse", "has this task already"),
        ("Practitioner/nobody", "member of staff"),
        ("CareTeam/district-nursing-west", "member of staff"),
    ],
)
def test_who_cannot_be_asked(mine: Record, staff: Staff, to: str, words: str) -> None:
    with transaction(), pytest.raises(RuleError, match=words):
        hand_overs.offer(staff("asha-nurse"), mine.id, version=2, to=to)


def test_work_is_not_offered_twice_nor_by_strangers_nor_when_closed_nor_to_who_is_away(
    mine: Record, offered: TaskOffer, patient: str, staff: Staff
) -> None:
    asha = staff("asha-nurse")
    with transaction(), pytest.raises(StateError, match="Petra Holm is asked already"):
        hand_overs.offer(asha, mine.id, version=2, to=GARETH)
    with transaction(), pytest.raises(NotPermittedError, match="may not offer"):
        hand_overs.offer(staff("petra-palliative"), mine.id, version=2, to=GARETH)
    other = visit(patient, owner="Practitioner/asha-nurse")
    with transaction(), pytest.raises(RuleError, match="take it yourself"):
        hand_overs.offer(staff("gareth-price"), other.id, version=1, to=GARETH)
    with transaction():
        absence(GARETH)
    with transaction(), pytest.raises(RuleError, match="is away"):
        hand_overs.offer(asha, other.id, version=1, to=GARETH)
    with transaction():
        tasks.complete(asha, mine.id, version=2, outcome="done")
    with transaction(), pytest.raises(StateError, match="is not offered"):
        hand_overs.offer(asha, mine.id, version=3, to=PETRA)


def test_several_tasks_are_offered_at_once_and_each_stands_for_itself(
    mine: Record, patient: str, staff: Staff
) -> None:
    asha = staff("asha-nurse")
    other = visit(patient, owner="Practitioner/asha-nurse")
    stale = visit(patient, owner="Practitioner/asha-nurse")
    theirs = visit(patient, owner=PETRA)

    with transaction():
        found = hand_overs.offer_many(
            asha,
            [(mine.id, 2), (other.id, 1), (stale.id, 9), (theirs.id, 1), ("none", 1)],
            to=GARETH,
            note="End of my shift",
        )

    by_id = {each.task_id: each for each in found}
    assert by_id[mine.id].offer is not None
    assert by_id[other.id].offer is not None
    assert "changed it meanwhile" in by_id[stale.id].why_not
    assert "may not offer" in by_id[theirs.id].why_not
    assert "not here" in by_id["none"].why_not
    assert {each.task_id for each in offers_query.to_answer(GARETH)} == {mine.id, other.id}
    with transaction(), pytest.raises(RuleError, match="member of staff"):
        hand_overs.offer_many(asha, [(stale.id, 1)], to="Practitioner/nobody")


def test_an_offer_reads_as_a_fhir_proposal_about_the_task(
    app: Flask, mine: Record, offered: TaskOffer, staff: Staff
) -> None:
    open_ = offers.view(offered)
    with transaction():
        hand_overs.refuse(staff("petra-palliative"), offered.id, reason="skills")
    ended = offers.view(offered)

    assert (open_["status"], ended["status"]) == ("requested", "rejected")
    assert open_["focus"] == {"reference": mine.reference}
    assert open_["owner"] == {"reference": PETRA}
    assert open_["note"][0]["text"] == "Back door is open"
    assert ended["statusReason"]["text"] == "skills"
    with transaction():
        # It is a legal FHIR Task, though it is kept nowhere.
        records.create(HUB, {name: each for name, each in ended.items() if name != "id"})
