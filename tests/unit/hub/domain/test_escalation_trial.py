"""A policy played over a clock that has run: the same rules, the facts of then, a difference."""

from datetime import UTC, date, datetime, timedelta

from hub.domain import escalation, escalation_trial
from hub.domain.escalation import EscalationPolicy, EscalationStep, Notified, Repeat
from hub.domain.escalation_targets import Circle
from hub.domain.escalation_trial import Change, Clock, Had, Ring

START = datetime(2026, 12, 1, 20, tzinfo=UTC)
ASHA, LEAD, DANA = (f"Practitioner/{name}" for name in ("asha", "lead", "dana"))
POOL = "CareTeam/nurses"

HALF = EscalationStep("half-time", 50, (Notified.OWNER,), repeat=Repeat(10, 2), outside=True)
BREACH = EscalationStep("breach", 100, (Notified.DUTY_MANAGER,), reroute=True)
POLICY = EscalationPolicy("standard", (HALF, BREACH))


def circle_at(owner: str, team: str | None, _at: datetime) -> Circle:
    return Circle(
        owner=owner,
        team=team or POOL,
        desk="CareTeam/desk",
        lead=LEAD,
        duty_manager=DANA,
        at_work=(ASHA, LEAD),
        present=frozenset({ASHA, LEAD, DANA}),
    )


def clock(**more: object) -> Clock:
    """Two hours from 20:00, with the work in the pool for the first half hour."""
    facts: dict[str, object] = {
        "task": "t1",
        "policy": POLICY,
        "moment_of": escalation.straight(START, START + timedelta(hours=2)),
        "ended": START + timedelta(hours=5),
        "had": (Had(START, POOL, POOL), Had(START + timedelta(minutes=30), ASHA, POOL)),
    }
    return Clock(**facts | more)  # type: ignore[arg-type]


def minutes(rings: list[Ring]) -> list[tuple[int, str, int, tuple[str, ...]]]:
    return [
        (int((ring.at - START).total_seconds() // 60), ring.step, ring.repeat, ring.recipients)
        for ring in rings
    ]


def test_who_had_the_work_then_is_told_then() -> None:
    assert minutes(escalation_trial.play(POLICY, clock(), circle_at)) == [
        (60, "half-time", 0, (ASHA,)),
        (70, "half-time", 1, (ASHA,)),
        (80, "half-time", 2, (ASHA,)),
        (120, "breach", 0, (DANA,)),
    ]


def test_nothing_is_told_after_the_work_was_done() -> None:
    done = clock(ended=START + timedelta(minutes=75))

    assert len(escalation_trial.play(POLICY, done, circle_at)) == 2


def test_an_acknowledgement_of_then_counts_from_when_it_came() -> None:
    heard = clock(acknowledged=((START + timedelta(minutes=65), 50),))

    assert [
        (at, step) for at, step, _, _ in minutes(escalation_trial.play(POLICY, heard, circle_at))
    ] == [
        (60, "half-time"),
        (120, "breach"),
    ]


def test_what_a_candidate_had_not_said_yet_could_not_be_acknowledged() -> None:
    """Somebody acknowledged at 65 minutes; the candidate speaks first at 80: it is heard."""
    late = EscalationPolicy(
        "standard", (EscalationStep("late", 67, (Notified.OWNER,), repeat=Repeat(10, 1)), BREACH)
    )
    heard = clock(acknowledged=((START + timedelta(minutes=65), 75),))

    assert [step for _, step, _, _ in minutes(escalation_trial.play(late, heard, circle_at))] == [
        "late",
        "late",
        "breach",
    ]


def test_what_falls_into_a_pause_comes_when_it_ends() -> None:
    stood = clock(stood=((START + timedelta(minutes=65), START + timedelta(minutes=75)),))

    assert [at for at, *_ in minutes(escalation_trial.play(POLICY, stood, circle_at))][:3] == [
        60,
        75,
        85,
    ]


def test_a_night_is_counted_by_its_evening() -> None:
    rings = [
        Ring(datetime(2026, 12, 1, 22, tzinfo=UTC), "t1", "p", "a", 0, (ASHA,), outside=True),
        Ring(datetime(2026, 12, 2, 3, tzinfo=UTC), "t1", "p", "b", 0, (ASHA, POOL), outside=True),
        Ring(datetime(2026, 12, 2, 9, tzinfo=UTC), "t1", "p", "c", 0, (LEAD,)),
    ]

    found = escalation_trial.tally(rings)

    # A pool has no telephone and no night.
    assert (found.told, found.outside, found.nights, found.worst_night) == (4, 2, 1, 2)
    assert dict(found.by_night) == {(ASHA, date(2026, 12, 1)): 2}
    assert found.by_person == {ASHA: 2, POOL: 1, LEAD: 1}


def test_the_difference_names_each_person_and_step() -> None:
    quiet = EscalationPolicy(
        "standard", (EscalationStep("half-time", 50, (Notified.TEAM_LEAD,)), BREACH)
    )
    before = escalation_trial.play(POLICY, clock(), circle_at)
    after = escalation_trial.play(quiet, clock(), circle_at)

    found = escalation_trial.changes(before, after)

    assert [(each.step, each.repeat, each.who, each.added) for each in found] == [
        ("half-time", 0, ASHA, False),
        ("half-time", 0, LEAD, True),
        ("half-time", 1, ASHA, False),
        ("half-time", 2, ASHA, False),
    ]
    assert found[0] == Change(
        START + timedelta(minutes=60), "t1", "half-time", 0, ASHA, added=False
    )
    assert escalation_trial.changes(before, before) == []
