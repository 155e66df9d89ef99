"""Parts of work: delegated and got back, split; the whole with them, and no minute lost."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from fhir.outcomes import VersionConflictError
from hub import records
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.parts import Settled
from hub.models.notice import Notice
from hub.models.part import TaskPart
from hub.queries import offers as offers_query
from hub.queries import parts as parts_query
from hub.queries.integrity import INVARIANTS
from hub.records import Record
from hub.records.tables import OUTBOX
from hub.services import assignments, hand_overs, parts, task_content, tasks
from hub.services.parts import Delegated, Wanted
from hub.transaction import transaction
from tests.factories.task import visit
from tests.unit.hub.services.clockwork import Clockwork

Staff = Callable[[str], Actor]
HUB = hub_actor("test")
ASHA, GARETH = "Practitioner/asha-nurse", "Practitioner/gareth-price"
CONSERVED = next(each for each in INVARIANTS if each.name == "task-parts")


@pytest.fixture(autouse=True)
def time(clockwork: Clockwork) -> Clockwork:
    return clockwork


@pytest.fixture
def whole(person: Callable[..., object], staff: Staff) -> Record:
    """Work of 45 minutes that the nurse has accepted: version 2."""
    patient = person().reference  # type: ignore[attr-defined]
    task = visit(patient, owner=ASHA, clock="community-routine", priority="routine", minutes=45)
    with transaction():
        return tasks.accept(staff("asha-nurse"), task.id, version=1)


@pytest.fixture
def delegated(whole: Record, staff: Staff) -> Delegated:
    with transaction():
        return parts.delegate(
            staff("asha-nurse"),
            whole.id,
            version=2,
            to=GARETH,
            description="Bloods on Tuesday",
            minutes=15,
        )


def now_is(task_id: str) -> Record:
    return records.read(HUB, "Task", task_id)


def minutes(task_id: str) -> int:
    return assignments.spells_of(task_id)[-1].minutes


def settle(task_id: str) -> Settled:
    """Do what the worker does with the event, and check that no minute is lost before and after."""
    assert list(CONSERVED.find()) == []
    query = select(OUTBOX.c.event).where(OUTBOX.c.subject == f"Task/{task_id}")
    assert "TaskPartsMoved" in db.session.execute(query).scalars().all()
    with transaction():
        found = parts.settle(task_id)
    with transaction():
        assert parts.settle(task_id) is Settled.STAYS
    assert list(CONSERVED.find()) == []
    return found


def told(practitioner: str) -> list[str]:
    query = select(Notice.line).where(Notice.recipient == practitioner).order_by(Notice.id)
    return list(db.session.execute(query).scalars())


def test_who_delegates_keeps_the_whole_and_the_part_until_it_is_accepted(
    whole: Record, delegated: Delegated, staff: Staff
) -> None:
    part = delegated.part

    assert part["partOf"] == [{"reference": whole.reference}]
    assert part["owner"] == {"reference": ASHA}
    assert part["for"] == whole["for"]
    assert task_content.due_at(part.resource) == task_content.due_at(whole.resource)
    assert (minutes(whole.id), minutes(part.id)) == (30, 15)

    with transaction():
        taken = hand_overs.accept(staff("gareth-price"), delegated.offer.id)

    assert taken["owner"] == {"reference": GARETH}
    assert now_is(whole.id)["owner"] == {"reference": ASHA}
    assert [spell.outcome for spell in assignments.spells_of(part.id)] == ["delegated", None]
    assert minutes(part.id) == 15


def test_a_whole_is_not_completed_while_a_part_is_with_somebody(
    whole: Record, delegated: Delegated, staff: Staff
) -> None:
    asha, gareth = staff("asha-nurse"), staff("gareth-price")
    with transaction(), pytest.raises(StateError, match="a part of it is still with somebody"):
        tasks.complete(asha, whole.id, version=3, outcome="done")

    with transaction():
        taken = hand_overs.accept(gareth, delegated.offer.id)
        tasks.complete(gareth, taken.id, version=taken.version, outcome="done")
    assert settle(whole.id) is Settled.STAYS
    assert "Gareth Price completed the task: intervention" in told(ASHA)
    with transaction():
        assert tasks.complete(asha, whole.id, version=3, outcome="done")["status"] == "completed"


@pytest.mark.parametrize("how", ["refused", "declined", "called back", "withdrawn"])
def test_a_part_that_is_not_done_comes_back_with_its_minutes(
    whole: Record, delegated: Delegated, staff: Staff, how: str
) -> None:
    asha, gareth = staff("asha-nurse"), staff("gareth-price")
    part = delegated.part
    with transaction():
        match how:
            case "refused":
                hand_overs.refuse(gareth, delegated.offer.id, reason="skills")
            case "declined":
                taken = hand_overs.accept(gareth, delegated.offer.id)
                tasks.decline(gareth, part.id, version=taken.version, reason="no-capacity")
            case "called back":
                taken = hand_overs.accept(gareth, delegated.offer.id)
                parts.call_back(asha, part.id, version=taken.version)
            case "withdrawn":
                parts.call_back(asha, part.id, version=part.version)

    assert now_is(part.id)["status"] == "cancelled"
    assert settle(whole.id) is Settled.STAYS
    assert minutes(whole.id) == 45
    assert now_is(whole.id)["owner"] == {"reference": ASHA}
    with transaction():
        tasks.complete(asha, whole.id, version=3, outcome="done")


def test_an_unanswered_part_comes_back_too(
    whole: Record, delegated: Delegated, time: Clockwork
) -> None:
    time.set(delegated.offer.expires_at)
    with transaction():
        hand_overs.expire(delegated.offer.id)

    assert now_is(delegated.part.id)["status"] == "cancelled"
    settle(whole.id)
    assert minutes(whole.id) == 45


def test_only_who_has_the_whole_calls_a_part_back(
    whole: Record, delegated: Delegated, staff: Staff
) -> None:
    with transaction():
        taken = hand_overs.accept(staff("gareth-price"), delegated.offer.id)
    with transaction(), pytest.raises(NotPermittedError, match="calls a part back"):
        parts.call_back(staff("gareth-price"), taken.id, version=taken.version)
    with transaction(), pytest.raises(RuleError, match="no part of another"):
        parts.call_back(staff("asha-nurse"), whole.id, version=3)

    # Whoever has the whole now, not only who delegated.
    with transaction():
        tasks.assign(HUB, whole.id, to="Practitioner/lucy-hart", because="away", cause="absence")
        parts.call_back(staff("lucy-hart"), taken.id, version=taken.version)
    assert now_is(taken.id)["status"] == "cancelled"


def test_work_is_split_and_closes_when_its_parts_are_done(whole: Record, staff: Staff) -> None:
    asha, gareth = staff("asha-nurse"), staff("gareth-price")
    wanted = [
        Wanted("Dress the wound"),
        Wanted("Weigh her", GARETH, 10),
        Wanted("Check the bed", "CareTeam/district-nursing-east"),
    ]
    with transaction():
        mine, his, pool = parts.split(asha, whole.id, version=2, parts=wanted)

    assert [minutes(each.id) for each in (whole, mine, his, pool)] == [0, 18, 10, 17]
    weights = [assignments.spells_of(each.id)[-1].points for each in (whole, mine, his, pool)]
    assert weights == [0, 1, 1, 2]
    assert [each["owner"]["reference"] for each in (mine, his, pool)] == [
        ASHA,
        ASHA,
        "CareTeam/district-nursing-east",
    ]
    awaits = select(OUTBOX.c.subject).where(OUTBOX.c.event == "TaskAwaitsRouting")
    assert pool.reference in db.session.execute(awaits).scalars().all()
    with transaction():
        offer = parts_query.parts_of(whole.id)
        assert [each.kind for each in offer] == ["split"] * 3
        waiting = offers_query.open_offer(his.id)
        assert waiting is not None
        hand_overs.accept(gareth, waiting.id)
        tasks.complete(asha, mine.id, version=2, outcome="done")
        tasks.complete(gareth, his.id, version=3, outcome="done")
    assert settle(whole.id) is Settled.STAYS
    with transaction():
        tasks.complete(staff("bernard-nurse"), pool.id, version=1, outcome="done")

    assert settle(whole.id) is Settled.COMPLETES
    closed = now_is(whole.id)
    assert closed["status"] == "completed"
    assert task_content.code(closed.resource, "statusReason") == "parts-done"
    assert told(ASHA)[-1] == "Carehub tasks completed the task: intervention"


def test_undoing_a_part_opens_the_whole_again(whole: Record, staff: Staff) -> None:
    asha = staff("asha-nurse")
    with transaction():
        one, two = parts.split(asha, whole.id, version=2, parts=[Wanted("A"), Wanted("B")])
        for each in (one, two):
            tasks.complete(asha, each.id, version=2, outcome="done")
    assert settle(whole.id) is Settled.COMPLETES
    with transaction():
        tasks.undo(asha, two.id, version=3)

    assert settle(whole.id) is Settled.REOPENS
    assert now_is(whole.id)["status"] == "in-progress"
    assert assignments.current(whole.id) is not None
    with transaction():
        tasks.complete(asha, two.id, version=4, outcome="done")
    assert settle(whole.id) is Settled.COMPLETES


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_a_part_that_was_not_done_leaves_the_whole_to_its_owner(
    whole: Record, staff: Staff, end: str
) -> None:
    asha = staff("asha-nurse")
    with transaction():
        one, two = parts.split(asha, whole.id, version=2, parts=[Wanted("A"), Wanted("B")])
        tasks.complete(asha, one.id, version=2, outcome="done")
        body = two.resource | {"status": end}
        records.update(asha, body, type="Task", id=two.id, if_match=2)

    assert settle(whole.id) is Settled.STAYS
    assert now_is(whole.id)["status"] == "accepted"
    assert minutes(whole.id) == (22 if end == "cancelled" else 0)


def test_parts_end_with_a_whole_that_is_called_off(
    whole: Record, delegated: Delegated, staff: Staff
) -> None:
    with transaction():
        taken = hand_overs.accept(staff("gareth-price"), delegated.offer.id)
        tasks.cancel(staff("asha-nurse"), whole.id, version=3, reason="no-longer-needed")

    with transaction():
        assert parts.settle(whole.id) is Settled.STOPS_PARTS
    assert now_is(taken.id)["status"] == "cancelled"
    assert "Carehub tasks cancelled the task: intervention" in told(GARETH)


def test_what_cannot_be_divided(whole: Record, staff: Staff) -> None:
    asha = staff("asha-nurse")
    patient = whole["for"]["reference"]

    def refused(match: str, **changes: object) -> None:
        said = {"version": 2, "to": GARETH, "description": "x", "minutes": 15} | changes
        with transaction(), pytest.raises(RuleError, match=match):
            parts.delegate(asha, str(said.pop("task", whole.id)), **said)  # type: ignore[arg-type]

    refused("member of staff", to="Practitioner/nobody")
    refused("at least one minute", minutes=46)
    refused("at least one minute", minutes=0)
    refused("say what the part is", description=" ")
    refused("nobody has taken", task=visit(patient).id, version=1)
    refused("requested is not divided", task=visit(patient, owner=ASHA).id, version=1)
    for count in (1, 13):
        with transaction(), pytest.raises(RuleError, match="2 to 12 parts"):
            parts.split(asha, whole.id, version=2, parts=[Wanted("x")] * count)
    with transaction(), pytest.raises(RuleError, match="no such team"):
        parts.split(asha, whole.id, version=2, parts=[Wanted("x"), Wanted("y", "CareTeam/nobody")])
    with transaction(), pytest.raises(NotPermittedError, match="may not divide"):
        parts.split(staff("sam-spor"), whole.id, version=2, parts=[Wanted("x"), Wanted("y")])
    assert db.session.execute(select(TaskPart)).first() is None


def test_pressed_twice_it_is_divided_once(
    whole: Record, delegated: Delegated, staff: Staff
) -> None:
    with transaction(), pytest.raises(VersionConflictError):
        parts.delegate(
            staff("asha-nurse"), whole.id, version=2, to=GARETH, description="x", minutes=15
        )
    assert len(parts_query.parts_of(whole.id)) == 1


@pytest.mark.parametrize("what", ["minutes", "points"])
def test_the_invariant_sees_what_is_lost(whole: Record, delegated: Delegated, what: str) -> None:
    assert list(CONSERVED.find()) == []
    with transaction():
        spell = assignments.current(whole.id)
        assert spell is not None
        setattr(spell, what, getattr(spell, what) - 1)

    assert [each.subject for each in CONSERVED.find()] == [whole.reference]
