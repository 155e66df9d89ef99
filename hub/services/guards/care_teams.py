"""The team of accountable people: exactly one a role at every instant, history never rewritten.

Source: the care model, section 6.
"""

from collections.abc import Mapping
from typing import Any

from hub import clock, records
from hub.domain import accountability
from hub.domain.actor import Actor
from hub.domain.errors import RuleError, StateError
from hub.services import accountability_team as team


@records.guard("CareTeam")
def keep_one_holder(
    actor: Actor,  # noqa: ARG001 - the rule is the same for everybody
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
) -> None:
    """Refuse two holders at once, and any change of what has been."""
    if new is None:
        if old is not None and team.is_accountability(old):
            raise StateError("who is accountable is never deleted", field="participant")
        return
    if old is not None and team.is_accountability(old) and not team.is_accountability(new):
        raise RuleError("this stays the team of accountable people", field="category")
    if not team.is_accountability(new):
        return
    if new.get("status") != "active":
        raise StateError("the team of accountable people stays active", field="status")
    now_held = team.spells(new)
    accountability.check(now_held)
    for before in team.spells(old) if old is not None else ():
        kept = any(
            (each.role, each.practitioner, each.start, each.stands_in)
            == (before.role, before.practitioner, before.start, before.stands_in)
            and (before.end is None or each.end == before.end)
            for each in now_held
        )
        if before.stands_in and before.end is None and before.start >= clock.now():
            # They have answered for no time at all.
            kept = True
        if not kept:
            raise StateError(
                "who was accountable stays on record: end a holding, do not remove it",
                field="participant",
            )
