"""Managed plans: what may follow what, and what an active plan always has.

Source: the care model, sections 6 and 7: "a plan can't become active without the accountable
professional and the coordinator"; escalation triggers and the review date are mandatory.
"""

from collections.abc import Mapping
from typing import Any

from hub import clock, records
from hub.domain import accountability
from hub.domain import plan as rules
from hub.domain.accountability import AccountableRole
from hub.domain.actor import Actor, hub_actor
from hub.domain.content import PlanSection
from hub.domain.errors import RuleError, StateError
from hub.domain.plan import PlanFacts, PlanStatus
from hub.services import accountability_team as team
from hub.services import definitions, plan_content

_HUB = hub_actor("guards")
_IN_USE = frozenset({PlanStatus.ACTIVE, PlanStatus.ON_HOLD})


@records.guard("CarePlan")
def keep_the_plan(
    actor: Actor,  # noqa: ARG001 - the rule is the same for everybody
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
) -> None:
    """Refuse an active plan without its people, its triggers or its review date."""
    if new is None:
        raise StateError("a plan is closed or entered in error, never deleted", field="status")
    status = PlanStatus(new["status"])
    if old is None:
        if status is not PlanStatus.DRAFT:
            raise StateError("a plan starts as a draft", field="status", allowed=["draft"])
        return
    before = PlanStatus(old["status"])
    if old.get("subject") != new.get("subject"):
        raise RuleError("a plan stays with its person", field="subject")
    _check_sections_stay(old, new)
    if status is not before:
        rules.check_move(before, status)
    elif before not in rules.EDITABLE:
        raise StateError(f"a plan that is {before} does not change", field="status")
    if status is PlanStatus.ACTIVE and before is PlanStatus.DRAFT:
        _hold_team(new)
        rules.check_activation(facts(new), spec(), clock.now().date())
    elif status in _IN_USE:
        rules.check_active(plan_content.texts(new))


def facts(plan: Mapping[str, Any]) -> PlanFacts:
    """Return what the rules look at: the sections, and who is accountable now."""
    held = {}
    reference = plan_content.care_team(plan)
    if reference:
        for record in records.read_many(_HUB, [reference]).values():
            held = accountability.current(team.holdings(record.resource), clock.now())
    accountable = held.get(AccountableRole.GP)
    coordinator = held.get(AccountableRole.COORDINATOR)
    return PlanFacts(
        sections=plan_content.texts(plan),
        accountable=accountable.practitioner if accountable else None,
        coordinator=coordinator.practitioner if coordinator else None,
        goals=len(plan_content.goals(plan)),
    )


def _hold_team(plan: Mapping[str, Any]) -> None:
    """Let nobody who is named leave between the look and the commit.

    Whoever ends a role holds the same row: they come first and the plan is refused, or after and
    they see a plan in use, whose vacancy is somebody's task at once.
    """
    reference = plan_content.care_team(plan)
    if reference and reference in records.read_many(_HUB, [reference]):
        records.lock(_HUB, *reference.split("/", 1))


def spec() -> tuple[PlanSection, ...]:
    """Return the sections that plans of this hub have."""
    return definitions.current().plan_sections or rules.STANDARD_SECTIONS


def _check_sections_stay(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    kept = {section.code for section in plan_content.sections(new)}
    lost = [each.code for each in plan_content.sections(old) if each.code not in kept]
    if lost:
        raise RuleError(f"a section is emptied, never dropped: {lost[0]}", field=lost[0])
