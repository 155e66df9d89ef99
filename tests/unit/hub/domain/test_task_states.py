"""The transition table of behaviour, point 12: every pair of states, every party."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.domain import task_states
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.task_states import CLOSED, OPEN, Party, TaskFacts, TaskStatus
from tests.factories.actor import actor

NOW = datetime(2026, 12, 27, 13, tzinfo=UTC)
S = TaskStatus

#: The table as the behaviour has it, written out a second time on purpose.
OWNER_TABLE = {
    "requested": {"received", "accepted", "rejected"},
    "received": {"accepted", "rejected"},
    "accepted": {"ready", "in-progress", "on-hold", "rejected", "completed", "failed"},
    "ready": {"in-progress", "completed", "failed"},
    "in-progress": {"on-hold", "completed", "failed"},
    "on-hold": {"in-progress"},
}


ASHA = actor("asha", organization="Organization/other")
HUB = hub_actor("routing")
TASK = TaskFacts(
    status=S.REQUESTED,
    owner="Practitioner/asha",
    requester="Practitioner/rita",
    accountable_organization="Organization/rxs",
    author="Practitioner/rita",
)


@pytest.mark.parametrize("before", list(S))
@pytest.mark.parametrize("after", list(S))
def test_the_owner_moves_by_the_table_and_not_otherwise(before: S, after: S) -> None:
    expected = after.value in OWNER_TABLE.get(before.value, set())

    assert (after in task_states.allowed(before, {Party.OWNER})) is expected


@pytest.mark.parametrize("before", list(S))
@pytest.mark.parametrize("party", [Party.REQUESTER, Party.ACCOUNTABLE])
def test_requester_and_accountable_organisation_cancel_open_work_only(
    before: S, party: Party
) -> None:
    expected = {S.CANCELLED} if before in OPEN else set()

    assert task_states.allowed(before, {party}) == expected


@pytest.mark.parametrize("before", list(S))
def test_the_hub_re_owns_and_cancels_open_work_and_passes_on_what_was_declined(before: S) -> None:
    expected = {S.CANCELLED, S.REQUESTED} if before in OPEN else set()
    if before is S.REJECTED:
        expected = {S.REQUESTED}

    assert task_states.allowed(before, {Party.HUB}) == expected


@pytest.mark.parametrize("before", list(S))
def test_a_stranger_moves_nothing(before: S) -> None:
    assert task_states.allowed(before, set()) == set()


def test_open_and_closed_are_all() -> None:
    assert set(S) == OPEN | CLOSED
    assert not OPEN & CLOSED


@pytest.mark.parametrize(("minutes", "expected"), [(0, True), (5, True), (6, False)])
def test_a_completion_is_taken_back_within_five_minutes(minutes: int, expected: bool) -> None:
    moves = task_states.allowed(
        S.COMPLETED, {Party.FINISHER}, finished_at=NOW, now=NOW + timedelta(minutes=minutes)
    )

    assert (S.IN_PROGRESS in moves) is expected


def test_only_who_completed_it_takes_it_back() -> None:
    done = replace(TASK, status=S.COMPLETED, finished_at=NOW, finished_by="Practitioner/asha")

    task_states.check(ASHA, done, S.IN_PROGRESS, now=NOW)
    with pytest.raises(NotPermittedError):
        task_states.check(actor("ben"), done, S.IN_PROGRESS, now=NOW)
    with pytest.raises(StateError):
        task_states.check(ASHA, done, S.IN_PROGRESS, now=NOW + timedelta(minutes=6))


def test_the_author_enters_in_error_in_any_state() -> None:
    for before in S:
        moves = task_states.allowed(before, {Party.AUTHOR})
        assert moves == ({S.ENTERED_IN_ERROR} if before is not S.ENTERED_IN_ERROR else set())


def test_the_wrong_actor_is_403_and_the_wrong_state_409_with_what_is_allowed() -> None:
    with pytest.raises(NotPermittedError, match="may not do this"):
        task_states.check(actor("ben"), TASK, S.ACCEPTED, now=NOW)
    with pytest.raises(StateError) as error:
        task_states.check(ASHA, TASK, S.COMPLETED, now=NOW)
    assert error.value.allowed == ("accepted", "received", "rejected")


def test_the_hub_says_why() -> None:
    task_states.check(HUB, TASK, S.CANCELLED, now=NOW, cause="died")
    with pytest.raises(RuleError, match="cause"):
        task_states.check(HUB, TASK, S.CANCELLED, now=NOW)


def test_who_is_what_to_a_task() -> None:
    parties = task_states.parties
    pool = replace(TASK, owner="CareTeam/spor")

    assert parties(ASHA, TASK) == {Party.OWNER}
    assert parties(actor("sam", "CareTeam/spor", organization="x"), pool) == {Party.OWNER}
    assert parties(actor("ben"), TASK) == {Party.ACCOUNTABLE}
    assert parties(actor("rita", organization="x"), TASK) == {Party.REQUESTER, Party.AUTHOR}
    assert parties(HUB, TASK) == {Party.HUB}
    assert parties(actor("x", organization="x"), TASK) == set()
    # A team's own organisation is not its pool.
    assert Party.OWNER not in parties(actor("sam", "CareTeam/other"), pool)


def change(actor: Actor, task: TaskFacts, status: S, owner: str, cause: str | None = None) -> None:
    task_states.check_change(actor, task, status=status, owner=owner, now=NOW, cause=cause)


def test_claiming_is_a_change_of_owner_by_the_owning_team() -> None:
    pool = replace(TASK, owner="CareTeam/spor")
    sam = actor("sam", "CareTeam/spor", organization="x")

    change(sam, pool, S.ACCEPTED, "Practitioner/sam")
    with pytest.raises(NotPermittedError, match="belongs to CareTeam/spor"):
        change(actor("ben"), pool, S.REQUESTED, "Practitioner/ben")


@pytest.mark.parametrize("status", [S.REQUESTED, S.ACCEPTED, S.IN_PROGRESS])
def test_nobody_gives_work_away_the_other_accepts_it(status: S) -> None:
    busy = replace(TASK, status=S.IN_PROGRESS)

    with pytest.raises(StateError, match="offer it to") as refused:
        change(ASHA, busy, status, "Practitioner/ben")
    assert "$offer" in refused.value.allowed
    with pytest.raises(NotPermittedError, match="cannot become requested"):
        change(ASHA, busy, S.REQUESTED, "Practitioner/asha")


@pytest.mark.parametrize("status", sorted(OPEN))
def test_who_is_offered_a_task_takes_it_by_accepting_and_does_nothing_else(status: S) -> None:
    offered = replace(TASK, status=status, offered_to="Practitioner/ben")
    ben = actor("ben", organization="x")

    change(ben, offered, S.ACCEPTED, "Practitioner/ben")
    with pytest.raises(StateError, match="takes over a task accepts it"):
        change(ben, offered, S.IN_PROGRESS, "Practitioner/ben")
    with pytest.raises(NotPermittedError, match="has not accepted it"):
        change(ben, offered, S.ACCEPTED, TASK.owner)
    with pytest.raises(NotPermittedError, match="has not accepted it"):
        change(ben, offered, status, TASK.owner)
    with pytest.raises(NotPermittedError):
        change(ben, offered, S.ACCEPTED, "Practitioner/cara")
    # The owner goes on with it meanwhile.
    change(ASHA, replace(offered, status=S.ACCEPTED), S.IN_PROGRESS, TASK.owner)


@pytest.mark.parametrize("status", sorted(CLOSED))
def test_a_closed_task_is_not_taken_over(status: S) -> None:
    closed = replace(TASK, status=status, offered_to="Practitioner/ben")

    with pytest.raises(StateError, match="keeps its owner"):
        change(actor("ben", organization="x"), closed, S.ACCEPTED, "Practitioner/ben")


@pytest.mark.parametrize("target", [S.COMPLETED, S.FAILED])
def test_a_whole_is_not_finished_over_the_heads_of_who_have_its_parts(target: S) -> None:
    whole = replace(TASK, status=S.IN_PROGRESS, open_parts=2)

    with pytest.raises(StateError, match="2 parts of it are still with somebody") as refused:
        change(ASHA, whole, target, TASK.owner)
    assert refused.value.allowed == ("on-hold",)
    change(ASHA, replace(whole, open_parts=0), target, TASK.owner)


@pytest.mark.parametrize("before", sorted(S))
def test_only_done_parts_let_the_hub_complete_a_task_and_an_undone_one_opens_it(before: S) -> None:
    whole = replace(TASK, status=before, parts_are_done=True)

    for target, cause, fits, done in (
        (S.COMPLETED, task_states.PARTS_DONE, before in OPEN, True),
        (S.IN_PROGRESS, task_states.PART_UNDONE, before is S.COMPLETED, False),
    ):
        if target is before:
            continue
        facts = replace(whole, parts_are_done=done)
        wrong = replace(whole, parts_are_done=not done)
        if fits:
            change(HUB, facts, target, TASK.owner, cause)
        else:
            with pytest.raises(RuleError):
                change(HUB, facts, target, TASK.owner, cause)
        for known, said in ((wrong, cause), (facts, "absence")):
            with pytest.raises(RuleError):
                change(HUB, known, target, TASK.owner, said)


def test_who_has_the_whole_calls_a_part_off() -> None:
    part = replace(TASK, status=S.IN_PROGRESS, whole_owner="Practitioner/gareth")
    gareth = actor("gareth", organization="x")

    change(gareth, part, S.CANCELLED, TASK.owner)
    with pytest.raises(NotPermittedError):
        change(gareth, part, S.COMPLETED, TASK.owner)


def test_the_hub_gives_declined_work_to_the_next_with_a_cause() -> None:
    declined = replace(TASK, status=S.REJECTED)

    change(HUB, declined, S.REQUESTED, "CareTeam/west", "declined")
    with pytest.raises(RuleError, match="cause"):
        change(HUB, declined, S.REQUESTED, "CareTeam/west")
    with pytest.raises(StateError, match="keeps its owner"):
        change(ASHA, declined, S.REQUESTED, "CareTeam/west")


def test_closed_work_keeps_its_owner() -> None:
    for status in CLOSED - {S.REJECTED}:
        with pytest.raises(StateError, match="keeps its owner"):
            change(HUB, replace(TASK, status=status), status, "Practitioner/ben", "absence")


def test_a_stranger_changes_no_word_of_it() -> None:
    with pytest.raises(NotPermittedError, match="nothing to do with"):
        change(actor("x", organization="x"), TASK, S.REQUESTED, TASK.owner)
