"""When work is stuck: who has had it, and how long nobody touched it while somebody could have."""

from datetime import UTC, datetime, time, timedelta

import pytest

from hub.domain.calendars import Calendar, Opening
from hub.domain.errors import RuleError
from hub.domain.stuck import OpenWork, Sign, StuckPolicy, signs
from hub.domain.task_states import TaskStatus

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)  # a Friday
OFFICE = Calendar(
    "office", "Office", ((Opening(time(9), time(17)),),) * 5 + ((),) * 2, time_zone="UTC"
)
POLICY = StuckPolicy()
A, B, C, POOL = "Practitioner/a", "Practitioner/b", "Practitioner/c", "CareTeam/x"


def work(*owners: str, **facts: object) -> OpenWork:
    defaults: dict[str, object] = {
        "status": TaskStatus.ACCEPTED,
        "owner": owners[-1],
        "urgent": False,
        "owners": owners,
        "held_since": NOON,
        "written_at": NOON,
    }
    return OpenWork(**defaults | facts)  # type: ignore[arg-type]


def found(given: OpenWork, now: datetime = NOON) -> list[Sign]:
    return [each.sign for each in signs(given, POLICY, OFFICE, now)]


@pytest.mark.parametrize(
    ("owners", "expected"),
    [
        ((A,), []),
        ((A, B), []),
        ((POOL, A, POOL, B), []),
        ((A, POOL, A), []),
        ((A, B, C), [Sign.PING_PONG]),
        ((A, POOL, B, POOL, C), [Sign.PING_PONG]),
        ((A, B, A), [Sign.CIRCULAR]),
        ((A, B, A, POOL), [Sign.CIRCULAR]),
        ((A, B, A, C), [Sign.PING_PONG, Sign.CIRCULAR]),
    ],
)
def test_hands_are_counted_in_people_not_in_pools(
    owners: tuple[str, ...], expected: list[Sign]
) -> None:
    assert found(work(*owners)) == expected


@pytest.mark.parametrize(
    ("urgent", "minutes", "expected"),
    [(True, 14, []), (True, 15, [Sign.SILENT]), (False, 239, []), (False, 240, [Sign.SILENT])],
)
def test_what_nobody_accepts_is_silent(urgent: bool, minutes: int, expected: list[Sign]) -> None:
    given = work(A, status=TaskStatus.REQUESTED, urgent=urgent)
    assert found(given, NOON + timedelta(minutes=minutes)) == expected


def test_a_weekend_is_no_silence_but_urgent_work_knows_none() -> None:
    monday = NOON + timedelta(days=3)
    routine = work(A, status=TaskStatus.REQUESTED, held_since=NOON + timedelta(hours=4))
    assert found(routine, monday - timedelta(hours=1)) == []
    urgent = work(A, status=TaskStatus.REQUESTED, urgent=True, held_since=NOON + timedelta(hours=4))
    assert found(urgent, NOON + timedelta(hours=5)) == [Sign.SILENT]


def test_what_is_accepted_and_never_written_to_again_is_a_zombie() -> None:
    given = work(A, status=TaskStatus.IN_PROGRESS, written_at=NOON - timedelta(days=1))
    assert found(given) == []
    assert found(given, NOON + timedelta(days=3, minutes=-1)) == []
    (sign,) = signs(given, POLICY, OFFICE, NOON + timedelta(days=4))
    assert sign.sign is Sign.ZOMBIE
    # 16 open hours after Thursday noon: five on Thursday, eight on Friday, three on Monday.
    assert sign.since == datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_a_hold_and_a_pool_are_not_somebody_sleeping() -> None:
    late = NOON + timedelta(days=30)
    assert found(work(A, status=TaskStatus.ON_HOLD), late) == []
    assert found(work(POOL, status=TaskStatus.REQUESTED), late) == []


def test_a_policy_of_one_owner_makes_no_sense() -> None:
    with pytest.raises(RuleError, match="from 2 on"):
        StuckPolicy(owners=1)
