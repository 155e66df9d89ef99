"""Who may not hear of work that is given to them by name."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.domain.reachability import ReachFacts, Unreachable, reach

NOW = datetime(2026, 12, 27, 10, tzinfo=UTC)
FORTNIGHT = timedelta(days=14)
SEEN = ReachFacts(has_contact=True, has_account=True, signed_in_at=NOW - FORTNIGHT)


def test_who_has_a_phone_and_looks_is_reached() -> None:
    found = reach(SEEN, NOW, seen_within=FORTNIGHT)

    assert found.is_reachable
    assert found.sentence == ""


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({"has_contact": False}, [Unreachable.NO_CONTACT]),
        ({"has_account": False}, [Unreachable.NO_ACCOUNT]),
        ({"signed_in_at": None}, [Unreachable.NEVER_SIGNED_IN]),
        ({"signed_in_at": NOW - FORTNIGHT - timedelta(seconds=1)}, [Unreachable.NOT_LATELY]),
        (
            {"has_contact": False, "has_account": False, "signed_in_at": None},
            [Unreachable.NO_CONTACT, Unreachable.NO_ACCOUNT],
        ),
    ],
)
def test_each_reason_is_said(change: dict[str, Any], reasons: list[Unreachable]) -> None:
    found = reach(replace(SEEN, **change), NOW, seen_within=FORTNIGHT)

    assert list(found.reasons) == reasons
    assert not found.is_reachable
    assert found.sentence
