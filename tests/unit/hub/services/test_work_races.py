"""Many hands at one task at one moment: one wins, the others hear what happened."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask

from fhir.outcomes import VersionConflictError
from hub import records
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import RuleError
from hub.queries import offers as offers_query
from hub.records import Record
from hub.services import assignments, hand_overs, tasks
from hub.transaction import transaction
from tests.factories.actor import actor
from tests.factories.task import visit

Staff = Callable[[str], Actor]
HUB = hub_actor("test")
MANY = 16
ROUNDS = 6
WEST = "CareTeam/district-nursing-west"
GARETH = "Practitioner/gareth-price"


@pytest.fixture
def at_once(app: Flask) -> Callable[..., list[str]]:
    """Let several people act in one moment; return what each of them was told."""

    def act(*deeds: Callable[[], object]) -> list[str]:
        together = Barrier(len(deeds))

        def one(deed: Callable[[], object]) -> str:
            with app.app_context():
                together.wait()
                try:
                    with transaction():
                        deed()
                except RuleError as refusal:
                    return refusal.text
                except VersionConflictError:
                    return "changed"
                finally:
                    db.session.remove()
                return "done"

        db.session.remove()
        with ThreadPoolExecutor(len(deeds)) as pool:
            return list(pool.map(one, deeds))

    return act


@pytest.fixture
def patient(person: Callable[..., object]) -> str:
    return str(person().reference)  # type: ignore[attr-defined]


@pytest.fixture
def offered(patient: str, staff: Staff) -> Record:
    """Work of the nurse that is offered to a colleague of another team, version 2."""
    task = visit(patient, owner="Practitioner/asha-nurse")
    with transaction():
        mine = tasks.accept(staff("asha-nurse"), task.id, version=1)
        hand_overs.offer(
            staff("asha-nurse"), task.id, version=2, to="Practitioner/petra-palliative"
        )
        return mine


def test_sixteen_claim_one_task_one_wins_and_fifteen_are_told_who(
    patient: str, staff: Staff, at_once: Callable[..., list[str]]
) -> None:
    task = visit(patient)
    names = ("asha-nurse", "gareth-price", "amina-yusuf", "lucy-hart")
    nurses = [staff(names[number % 4]) for number in range(4)]
    nurses += [
        actor(f"nurse-{number}", WEST, display=f"Nurse {number}") for number in range(4, MANY)
    ]

    answers = at_once(
        *(lambda who=who: tasks.claim(who, task.id, version=task.version) for who in nurses)
    )

    assert answers.count("done") == 1
    winner = records.read(HUB, "Task", task.id)["owner"]["reference"]
    assert winner == nurses[answers.index("done")].practitioner
    known = {each.practitioner: each.display for each in nurses[:4]}
    refused = [each for each in answers if each != "done"]
    said = f"{known.get(winner, 'somebody else')} has already taken this task"
    assert refused == [said] * (MANY - 1)
    assert [each.owner for each in assignments.spells_of(task.id)] == [WEST, winner]


def test_of_two_answers_to_one_offer_one_counts(
    offered: Record, staff: Staff, at_once: Callable[..., list[str]]
) -> None:
    petra, asha = staff("petra-palliative"), staff("asha-nurse")
    offer = offers_query.open_offer(offered.id)
    assert offer is not None
    offer_id = offer.id

    answers = at_once(
        *(lambda: hand_overs.accept(petra, offer_id) for _ in range(3)),
        lambda: hand_overs.refuse(petra, offer_id, reason="x"),
        lambda: hand_overs.withdraw(asha, offer_id),
    )

    assert answers.count("done") == 1
    how = offers_query.offers_of(offered.id)[0].answer
    words = {
        "accepted": "has accepted this offer already",
        "refused": "has refused this offer already",
        "withdrawn": "withdrawn by Asha Patel",
    }[str(how)]
    assert all(words in each for each in answers if each != "done")
    owner = records.read(HUB, "Task", offered.id)["owner"]["reference"]
    assert (owner == "Practitioner/petra-palliative") is (how == "accepted")


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_the_owner_completes_while_the_other_accepts(
    offered: Record, staff: Staff, at_once: Callable[..., list[str]], round_: int
) -> None:
    petra, asha = staff("petra-palliative"), staff("asha-nurse")
    offer = offers_query.open_offer(offered.id)
    assert offer is not None
    offer_id = offer.id

    accepted, completed = at_once(
        lambda: hand_overs.accept(petra, offer_id),
        lambda: tasks.complete(asha, offered.id, version=2, outcome="done"),
    )

    stands = records.read(HUB, "Task", offered.id)
    if completed == "done":
        assert accepted == "this offer has lapsed: the task is completed, by Asha Patel"
        assert stands["status"] == "completed"
    else:
        assert (accepted, completed) == ("done", "changed")
        assert stands["owner"] == {"reference": "Practitioner/petra-palliative"}
    spells = assignments.spells_of(offered.id)
    assert len([each for each in spells if each.ends_at is None]) == (completed != "done")


def test_a_task_is_offered_to_one_person_at_a_time(
    patient: str, staff: Staff, at_once: Callable[..., list[str]]
) -> None:
    task = visit(patient)
    takers = ("Practitioner/lucy-hart", "Practitioner/amina-yusuf")
    answers = at_once(
        *(
            lambda who=who, to=to: hand_overs.offer(staff(who), task.id, version=1, to=to)
            for who in ("asha-nurse", "gareth-price")
            for to in takers
        )
    )

    assert answers.count("done") == 1
    assert len(offers_query.offers_of(task.id)) == 1
    assert all("is asked already" in each for each in answers if each != "done")
