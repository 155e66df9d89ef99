"""Work under random hands: the rows, the record and the pure table never part.

Random people and the hub try every verb on one task. What the table allows is done, what it
refuses changes nothing; at each instant the task has exactly one owner, its spells follow each
other without gap or overlap, and every hand-off is counted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import pytest
from flask import Flask
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from fhir.outcomes import NotFoundError
from hub import clock, records
from hub.domain import task_states
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.domain.errors import RuleError
from hub.domain.task_states import OPEN, Party, TaskStatus
from hub.models.offer import TaskOffer
from hub.queries import offers as offers_query
from hub.records import Record
from hub.services import assignments, hand_overs, task_content, tasks
from hub.services.guards.tasks import facts
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.factories.task import visit
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.conftest import clockwork, definition, staff

__all__ = ["clockwork", "definition", "staff"]
"""Fixtures of the tests of services, used here too."""

S = TaskStatus
HUB = hub_actor("absence")
POOL = "CareTeam/district-nursing-west"
PEOPLE = ("asha-nurse", "gareth-price", "petra-palliative", "sam-spor", "mina-mental")
WHO = st.sampled_from(PEOPLE)

#: Every pair of states that may follow each other, written out once more on purpose.
PAIRS = {
    "requested": {"received", "accepted", "rejected", "cancelled"},
    "received": {"accepted", "rejected", "cancelled", "requested"},
    "accepted": {"in-progress", "on-hold", "rejected", "completed", "cancelled", "requested"},
    "in-progress": {"on-hold", "completed", "cancelled", "requested", "accepted"},
    "on-hold": {"in-progress", "cancelled", "requested", "accepted"},
    "rejected": {"requested"},
    "completed": {"in-progress"},
}


@dataclass
class World:
    staff: Callable[[str], Actor]
    time: Clockwork


class Work(RuleBasedStateMachine):
    """One task, everybody at it."""

    world: World

    @initialize(
        owner=st.sampled_from(("CareTeam/district-nursing-west", "Practitioner/asha-nurse"))
    )
    def open(self, owner: str) -> None:
        with transaction():
            somebody = patient()
        self.task = visit(somebody.reference, owner=owner)

    # What people do.

    @rule(who=WHO)
    def claim(self, who: str) -> None:
        actor = self.world.staff(who)
        mine = {actor.practitioner, *actor.teams}
        may = self._may(actor, S.ACCEPTED, actor.practitioner) and self.owner in mine
        self._try(actor, may, lambda: tasks.claim(actor, self.task.id, version=self.task.version))

    @rule(who=WHO)
    def accept(self, who: str) -> None:
        actor = self.world.staff(who)
        pool = self.owner.startswith("CareTeam/")
        may = self._may(actor, S.ACCEPTED, actor.practitioner if pool else None)
        may = may and (not pool or self.owner in actor.teams)
        self._try(actor, may, lambda: tasks.accept(actor, self.task.id, version=self.task.version))

    @rule(who=WHO)
    def start(self, who: str) -> None:
        actor = self.world.staff(who)
        may = self._may(actor, S.IN_PROGRESS)
        self._try(actor, may, lambda: tasks.start(actor, self.task.id, version=self.task.version))

    @rule(who=WHO)
    def hold(self, who: str) -> None:
        actor = self.world.staff(who)
        review = clock.now() + timedelta(hours=1)
        self._try(
            actor,
            self._may(actor, S.ON_HOLD),
            lambda: tasks.hold(
                actor, self.task.id, version=self.task.version, reason="x", review_at=review
            ),
        )

    @rule(who=WHO)
    def decline(self, who: str) -> None:
        actor = self.world.staff(who)
        self._try(
            actor,
            self._may(actor, S.REJECTED),
            lambda: tasks.decline(actor, self.task.id, version=self.task.version, reason="x"),
        )

    @rule(who=WHO)
    def complete(self, who: str) -> None:
        actor = self.world.staff(who)
        if self.task["status"] in {"requested", "received"}:
            pool = self.owner.startswith("CareTeam/")
            may = self._may(actor, S.ACCEPTED, actor.practitioner if pool else None)
        else:
            may = self._may(actor, S.COMPLETED)
        self._try(
            actor,
            may,
            lambda: tasks.complete(actor, self.task.id, version=self.task.version, outcome="done"),
        )

    @rule(who=WHO)
    def undo(self, who: str) -> None:
        actor = self.world.staff(who)
        may = self.task["status"] == "completed" and self._may(actor, S.IN_PROGRESS)
        self._try(actor, may, lambda: tasks.undo(actor, self.task.id, version=self.task.version))

    @rule(who=st.sampled_from(("sam-spor", "asha-nurse")), really=st.integers(0, 5))
    def cancel(self, who: str, really: int) -> None:
        if really:
            return
        actor = self.world.staff(who)
        self._try(
            actor,
            self._may(actor, S.CANCELLED),
            lambda: tasks.cancel(actor, self.task.id, version=self.task.version, reason="x"),
        )

    # Offers.

    @rule(who=WHO, to=WHO)
    def offer(self, who: str, to: str) -> None:
        actor, taker = self.world.staff(who), f"Practitioner/{to}"
        may = (
            Party.OWNER in self._parties(actor)
            and self.task["status"] in OPEN
            and taker not in {self.owner, actor.practitioner}
            and self._offer() is None
        )
        self._try(
            actor,
            may,
            lambda: hand_overs.offer(actor, self.task.id, version=self.task.version, to=taker),
        )

    @rule(who=WHO, how=st.sampled_from(("accept", "refuse", "withdraw", "update")))
    def answer(self, who: str, how: str) -> None:
        actor, offer = self.world.staff(who), self._offer()
        if offer is None:
            return
        asked = actor.practitioner == offer.taker
        stands = offer.expires_at > clock.now()
        if how == "accept":
            self._try(actor, asked and stands, lambda: hand_overs.accept(actor, offer.id))
        elif how == "refuse":
            self._try(
                actor, asked and stands, lambda: hand_overs.refuse(actor, offer.id, reason="x")
            )
        elif how == "update":
            body = self.task.resource | {
                "status": "accepted",
                "owner": {"reference": actor.practitioner},
            }
            may = self._may(actor, S.ACCEPTED, actor.practitioner)
            self._try(
                actor,
                may,
                lambda: records.update(
                    actor, body, type="Task", id=self.task.id, if_match=self.task.version
                ),
            )
        else:
            side = actor.practitioner == offer.giver or Party.OWNER in self._parties(actor)
            self._try(actor, side and stands, lambda: hand_overs.withdraw(actor, offer.id))

    # The hub, and time.

    @rule(to=WHO)
    def rehome(self, to: str) -> None:
        may = self.task["status"] in OPEN
        if f"Practitioner/{to}" == self.owner:
            return
        self._try(
            HUB,
            may,
            lambda: tasks.assign(
                HUB, self.task.id, to=f"Practitioner/{to}", because="away", cause="absence"
            ),
        )

    @rule(minutes=st.sampled_from((1, 3, 31)))
    def pass_time(self, minutes: int) -> None:
        self.world.time.advance(minutes=minutes)
        offer = self._offer()
        if offer is not None:
            with transaction():
                hand_overs.expire(offer.id)

    # What holds at each instant.

    @invariant()
    def one_owner_and_no_gap(self) -> None:
        spells = assignments.spells_of(self.task.id)
        assert [each.owner for each in spells if each.ends_at is None] == (
            [self.owner] if self.task["status"] in OPEN else []
        )
        for before, after in pairwise(spells):
            assert before.ends_at is not None
            assert before.ends_at <= after.starts_at
            reopened = before.outcome in {"completed", "declined"}
            assert reopened or before.ends_at == after.starts_at
        offer = self._offer()
        if offer is not None:
            assert self.task["status"] in OPEN
            assert offer.owner == self.owner

    @invariant()
    def every_version_follows_the_table_and_every_hand_off_is_counted(self) -> None:
        versions = [
            records.vread(HUB, "Task", self.task.id, number)
            for number in range(1, self.task.version + 1)
        ]
        expected = 1
        for before, after in pairwise(versions):
            moved = before["owner"] != after["owner"]
            same = before["status"] == after["status"]
            assert moved if same else after["status"] in PAIRS[before["status"]]
            assert before["status"] in OPEN | {S.REJECTED, S.COMPLETED}
            if after["status"] in OPEN and (moved or before["status"] not in OPEN):
                expected += 1
        assert len(assignments.spells_of(self.task.id)) == expected

    # How it is checked.

    @property
    def owner(self) -> str:
        return task_content.owner(self.task.resource)

    def _offer(self) -> TaskOffer | None:
        return offers_query.open_offer(self.task.id)

    def _parties(self, actor: Actor) -> frozenset[Party]:
        return task_states.parties(actor, facts(self.task.resource, actor=actor))

    def _may(self, actor: Actor, target: TaskStatus, owner: str | None = None) -> bool:
        """Ask the pure table; nothing is done twice."""
        if target.value == self.task["status"] and owner in {None, self.owner}:
            return False
        try:
            task_states.check_change(
                actor,
                facts(self.task.resource, actor=actor, target=target),
                status=target,
                owner=owner or self.owner,
                now=clock.now(),
            )
        except RuleError:
            return False
        return True

    def _try(self, actor: Actor, may: bool, act: Callable[[], object]) -> None:
        before = (self.task, len(assignments.spells_of(self.task.id)), self._offer())
        # With the last work for somebody their record closes, but not before.
        related = self.task["status"] in OPEN and self._parties(actor) & {
            Party.OWNER,
            Party.OFFERED,
        }
        hidden, done = False, True
        try:
            with transaction():
                act()
        except NotFoundError:
            hidden, done = True, False
        except RuleError:
            done = False
        assert done or hidden or not may, (actor.id, self.task.text)
        assert may or not done, (actor.id, self.task.text)
        assert not (hidden and (related or actor.kind is ActorKind.HUB))
        self.task = _current(self.task.id)
        if not done:
            after = (self.task, len(assignments.spells_of(self.task.id)), self._offer())
            assert after == before


def _current(task_id: str) -> Record:
    return records.read(HUB, "Task", task_id)


@pytest.mark.slow
def test_record_rows_and_table_agree_under_random_hands(
    app: Flask,
    staff: Callable[[str], Actor],
    clockwork: Clockwork,
) -> None:
    class Here(Work):
        world = World(staff, clockwork)

    run_state_machine_as_test(
        Here, settings=settings(max_examples=25, stateful_step_count=20, deadline=None)
    )
