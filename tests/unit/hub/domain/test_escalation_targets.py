"""Who hears of a step, and who instead: each target, each fallback, never nobody."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import escalation_targets
from hub.domain.escalation import Notified
from hub.domain.escalation_targets import Circle

ASHA, LEAD, SHIFT, CALL = (f"Practitioner/{name}" for name in ("asha", "lead", "shift", "call"))
DANA, LEON, DESKER, DEPUTY = (
    f"Practitioner/{name}" for name in ("dana", "leon", "desker", "deputy")
)
POOL, DESK = "CareTeam/nurses", "CareTeam/desk"

FULL = Circle(
    owner=ASHA,
    team=POOL,
    desk=DESK,
    lead=LEAD,
    duty_manager=DANA,
    at_work=(SHIFT, LEAD, ASHA),
    on_call=(CALL,),
    managers=(LEON, DANA),
    desk_at_work=(DESKER,),
    present=frozenset({SHIFT, LEAD, ASHA, CALL, LEON, DANA, DESKER}),
    deputies={ASHA: DEPUTY},
)
EMPTY = Circle(owner=POOL, team=POOL, desk=DESK)


def without(circle: Circle, *people: str) -> Circle:
    """Return the circle with people absent: they are at work nowhere."""
    gone = frozenset(people)

    def left(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if name not in gone)

    return replace(
        circle,
        at_work=left(circle.at_work),
        on_call=left(circle.on_call),
        managers=left(circle.managers),
        desk_at_work=left(circle.desk_at_work),
        present=circle.present - gone,
        away=circle.away | gone,
    )


@pytest.mark.parametrize(
    ("target", "circle", "recipients", "remark"),
    [
        (Notified.OWNER, FULL, (ASHA,), ""),
        (Notified.OWNER, replace(FULL, owner=POOL), (POOL,), ""),
        (Notified.OWNER, replace(FULL, owner=POOL, at_work=()), (POOL, CALL), "nobody of the team"),
        (Notified.OWNER, without(FULL, ASHA), (DEPUTY,), "their deputy was told"),
        (Notified.OWNER, without(FULL, ASHA, DEPUTY), (LEAD,), "has no deputy"),
        (Notified.DEPUTY, FULL, (ASHA,), ""),
        (Notified.DEPUTY, without(FULL, ASHA), (DEPUTY,), "their deputy was told"),
        (Notified.DEPUTY, replace(without(FULL, ASHA), deputies={}), (LEAD,), "has no deputy"),
        (Notified.ON_CALL, FULL, (CALL,), ""),
        (Notified.ON_CALL, replace(FULL, on_call=()), (DANA,), "nobody is on call"),
        (Notified.TEAM_LEAD, FULL, (LEAD,), ""),
        (Notified.TEAM_LEAD, without(FULL, LEAD), (SHIFT,), "the team lead is away"),
        # Off shift, not absent: the lead finds it later, somebody who is there hears now.
        (
            Notified.TEAM_LEAD,
            replace(FULL, at_work=(SHIFT,), present=FULL.present - {LEAD}),
            (LEAD, SHIFT),
            "the team lead is not at work",
        ),
        (Notified.SHIFT_LEAD, FULL, (LEAD,), ""),
        (Notified.SHIFT_LEAD, without(FULL, LEAD), (SHIFT,), ""),
        (Notified.SHIFT_LEAD, replace(FULL, at_work=()), (CALL,), "nobody of the team is at work"),
        (Notified.DUTY_MANAGER, FULL, (DANA,), ""),
        (Notified.DUTY_MANAGER, without(FULL, DANA), (LEON,), ""),
        (Notified.DUTY_MANAGER, without(FULL, DANA, LEON), (DESKER,), "no duty manager is at work"),
        (
            Notified.DUTY_MANAGER,
            replace(FULL, managers=(), desk_at_work=(), present=frozenset()),
            (DANA, DESK),
            "told at home",
        ),
        (Notified.DUTY_MANAGER, without(FULL, DANA, LEON, DESKER), (DESK,), "it waits there"),
    ],
)
def test_each_target_and_who_hears_instead(
    target: Notified, circle: Circle, recipients: tuple[str, ...], remark: str
) -> None:
    heard = escalation_targets.whom([target], circle)

    assert heard.recipients == recipients
    assert remark in "; ".join(heard.remarks)
    assert bool(heard.remarks) == bool(remark)


def test_the_same_person_is_told_once() -> None:
    heard = escalation_targets.whom([Notified.TEAM_LEAD, Notified.SHIFT_LEAD], FULL)

    assert heard.recipients == (LEAD,)


def test_a_step_that_names_nobody_tells_the_duty_manager() -> None:
    assert escalation_targets.whom([], FULL).recipients == (DANA,)


@given(
    st.lists(st.sampled_from(Notified), max_size=4),
    st.sets(st.sampled_from([ASHA, LEAD, SHIFT, CALL, DANA, LEON, DESKER, DEPUTY])),
    st.booleans(),
)
def test_somebody_always_hears_and_nobody_who_is_away(
    targets: list[Notified], gone: set[str], pool: bool
) -> None:
    circle = without(replace(FULL, owner=POOL) if pool else FULL, *gone)

    heard = escalation_targets.whom(targets, circle)

    assert heard.recipients
    assert not set(heard.recipients) & gone


@pytest.mark.parametrize("target", Notified)
def test_an_empty_hub_still_has_its_duty_desk(target: Notified) -> None:
    heard = escalation_targets.whom([target], EMPTY)

    assert DESK in heard.recipients
    assert heard.remarks
