"""The clocks of real tasks as cases: a hold that pauses, a hand-over, what was called off."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from hub import clock
from hub.domain import performance
from hub.domain.actor import Actor, hub_actor
from hub.domain.performance import Case
from hub.queries import performance as query
from hub.services import tasks
from hub.transaction import transaction
from tests.factories.task import visit
from tests.unit.hub.services.clockwork import Clockwork

ASHA, WEST = "Practitioner/asha-nurse", "CareTeam/district-nursing-west"
Staff = Callable[[str], Actor]


@pytest.fixture(autouse=True)
def time(clockwork: Clockwork) -> Clockwork:
    return clockwork


@pytest.fixture
def patient(person: Callable[..., object]) -> str:
    return str(person().reference)  # type: ignore[attr-defined]


def cases(**more: str) -> list[Case]:
    now = clock.now()
    return query.cases(now - timedelta(days=28), now, time_zone="Europe/London", **more)


def test_a_hold_that_pauses_moves_the_one_due_and_not_the_other(
    patient: str, staff: Staff, time: Clockwork
) -> None:
    asha = staff("asha-nurse")
    task = visit(patient, owner=ASHA, clock="community-routine", priority="routine")
    with transaction():
        tasks.accept(asha, task.id, version=1)
        tasks.hold(
            asha, task.id, version=2, reason="in-hospital",
            review_at=clock.now() + timedelta(days=3),
        )  # fmt: skip
    time.advance(days=2)
    with transaction():
        tasks.resume(asha, task.id, version=3)
    time.advance(days=4, hours=20)

    (found,) = cases()
    assert (found.team, found.owners) == (WEST, 1)
    assert found.paused == {"in-hospital": timedelta(days=2)}
    assert found.due_without < clock.now() < found.due_at
    figures = performance.figures([found], clock.now())
    assert (figures.cases, figures.in_time, figures.in_time_without) == (1, 1, 0)

    with transaction():
        tasks.complete(asha, task.id, version=4, outcome="done")
    time.advance(days=9)
    (done,) = cases()
    assert (done.due_at, done.due_without) == (found.due_at, found.due_without)
    assert performance.figures([done], clock.now()).in_time == 1


def test_work_that_was_called_off_and_work_of_others_is_left_out(
    patient: str, time: Clockwork
) -> None:
    kept, off = visit(patient, owner=ASHA), visit(patient, owner=ASHA)
    with transaction():
        tasks.cancel(hub_actor("test"), off.id, version=1, reason="no-longer-needed")
    time.advance(hours=1)

    assert len(cases()) == 1
    assert len(cases(team=WEST)) == 1
    assert cases(team="CareTeam/spor") == []
    with transaction():
        tasks.assign(hub_actor("test"), kept.id, to="Practitioner/gareth-price", because="a test")
    assert cases()[0].owners == 2
