"""Who hears of a step of an escalation, and who instead when they are not there.

An alarm never rings for nobody: every chain ends at the duty desk, and what was done instead of
what the policy says is told in words. Pure; ``hub.services.escalation_circle`` gathers the facts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hub.domain.escalation import Notified


@dataclass(frozen=True, slots=True)
class Circle:
    """Who stands round a task at one instant; all by reference (``Practitioner/x``)."""

    owner: str
    """A person, or ``CareTeam/x`` for work in a pool."""
    team: str
    """``CareTeam/x`` whose work it is."""
    desk: str
    """``CareTeam/x`` of the duty desk: never empty."""
    lead: str | None = None
    duty_manager: str | None = None
    """The one named for the team."""
    at_work: tuple[str, ...] = ()
    """People of the team at work, longest at work first; nobody absent."""
    on_call: tuple[str, ...] = ()
    """People on an on-call shift of the team."""
    managers: tuple[str, ...] = ()
    """Duty managers at work."""
    desk_at_work: tuple[str, ...] = ()
    """People of the duty desk at work or, when there are none, on call for it."""
    present: frozenset[str] = frozenset()
    """Everybody at work or on call now."""
    away: frozenset[str] = frozenset()
    """Everybody absent now."""
    deputies: Mapping[str, str] = field(default_factory=dict)
    """Who stands in for whom."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Who is told, without repeats, and what was done instead of what the policy says."""

    recipients: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def whom(targets: Iterable[Notified], circle: Circle) -> Heard:
    """Return whom a step tells; somebody, whatever the circle looks like."""
    recipients: list[str] = []
    remarks: list[str] = []
    for target in targets:
        found = _CHAINS[target](circle)
        recipients += found.recipients
        remarks += found.remarks
    if not recipients:
        found = _duty_manager(circle)
        recipients += found.recipients
        remarks += found.remarks
    return Heard(tuple(dict.fromkeys(recipients)), tuple(dict.fromkeys(remarks)))


def _owner(circle: Circle) -> Heard:
    if circle.owner.startswith("Practitioner/"):
        return _deputy(circle)
    if circle.at_work:
        return Heard((circle.owner,))
    # A pool in which nobody is at work hears nothing: somebody who is there does.
    return _also(circle.owner, "nobody of the team is at work", _on_call(circle))


def _deputy(circle: Circle) -> Heard:
    if not circle.owner.startswith("Practitioner/"):
        return _owner(circle)
    if circle.owner not in circle.away:
        return Heard((circle.owner,))
    deputy = circle.deputies.get(circle.owner)
    if deputy is not None and deputy not in circle.away:
        return Heard((deputy,), ("the owner is away: their deputy was told",))
    return _instead("the owner is away and has no deputy", _team_lead(circle))


def _on_call(circle: Circle) -> Heard:
    if circle.on_call:
        return Heard(circle.on_call)
    return _instead("nobody is on call", _duty_manager(circle))


def _team_lead(circle: Circle) -> Heard:
    if circle.lead is None:
        return _instead("the team has no lead", _shift_lead(circle))
    if circle.lead in circle.away:
        return _instead("the team lead is away", _shift_lead(circle))
    if circle.lead in circle.present:
        return Heard((circle.lead,))
    return _also(circle.lead, "the team lead is not at work", _shift_lead(circle))


def _shift_lead(circle: Circle) -> Heard:
    if circle.lead is not None and circle.lead in circle.at_work:
        return Heard((circle.lead,))
    if circle.at_work:
        return Heard(circle.at_work[:1])
    return _instead("nobody of the team is at work", _on_call(circle))


def _duty_manager(circle: Circle) -> Heard:
    named = circle.duty_manager
    if named is not None and named in circle.present:
        return Heard((named,))
    if circle.managers:
        return Heard(circle.managers)
    if circle.desk_at_work:
        return Heard(circle.desk_at_work, ("no duty manager is at work: the duty desk was told",))
    remark = "nobody is at work at the duty desk"
    if named is not None and named not in circle.away:
        return Heard((named, circle.desk), (f"{remark}: the duty manager was told at home",))
    return Heard((circle.desk,), (f"{remark}: it waits there",))


def _instead(remark: str, found: Heard) -> Heard:
    return Heard(found.recipients, (remark, *found.remarks))


def _also(recipient: str, remark: str, found: Heard) -> Heard:
    return Heard((recipient, *found.recipients), (remark, *found.remarks))


_CHAINS = {
    Notified.OWNER: _owner,
    Notified.DEPUTY: _deputy,
    Notified.ON_CALL: _on_call,
    Notified.TEAM_LEAD: _team_lead,
    Notified.SHIFT_LEAD: _shift_lead,
    Notified.DUTY_MANAGER: _duty_manager,
}
