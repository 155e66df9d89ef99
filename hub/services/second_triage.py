"""A sample of referrals is triaged twice, blind: the second decision is only compared.

The second person sees the referral as the first one saw it, and nothing of what was decided; once
both have decided, both see both. One second look a referral, never by the same person.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from fhir.outcomes import NotFoundError
from hub import clock, records
from hub.db import db
from hub.domain import agreement, red_flags
from hub.domain.actor import Actor
from hub.domain.agreement import Agreement, Decision
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.referral import TriageOutcome
from hub.models.second_triage import SecondTriage
from hub.records import Record
from hub.services import definitions

WAITS = timedelta(days=14)
"""How long a referral waits for its second look: after that nobody remembers the day."""
OUTCOMES = (
    TriageOutcome.ACCEPTED.value,
    TriageOutcome.REDIRECTED.value,
    TriageOutcome.DECLINED.value,
)
_LONGEST_WHY = 80


def offer(actor: Actor, task: Record, seen: Record, decided: Decision) -> None:
    """Keep a first decision for a second look, if the referral is of the sample.

    ``seen`` is the ServiceRequest as it was decided on. Raises nothing: it is no part of triage.
    """
    percent = definitions.current().spor.second_triage_percent
    if actor.practitioner is None or not agreement.is_sampled(seen.id, percent):
        return
    spor = definitions.current().spor
    doors = {f"CareTeam/{spor.team}", f"CareTeam/{spor.out_of_hours_desk}"} & actor.teams
    db.session.add(
        SecondTriage(
            task_id=task.id,
            request_id=seen.id,
            request_version=seen.version,
            why=_why(seen),
            team=min(doors, default=f"CareTeam/{spor.team}"),
            offered_at=clock.now(),
            first_by=actor.practitioner,
            first_outcome=decided.outcome,
            first_service=decided.service,
            first_reason=decided.reason,
            first_priority=decided.priority,
        )
    )
    db.session.flush()


def waiting(actor: Actor) -> list[SecondTriage]:
    """Return what waits for a second look by this person, the oldest first."""
    found = db.session.execute(
        select(SecondTriage)
        .where(
            SecondTriage.decided_at.is_(None),
            SecondTriage.offered_at > clock.now() - WAITS,
            SecondTriage.team.in_(actor.teams),
            SecondTriage.first_by != actor.practitioner,
        )
        .order_by(SecondTriage.offered_at, SecondTriage.task_id)
    )
    return list(found.scalars())


def look(actor: Actor, task_id: str) -> SecondTriage:
    """Return one to be decided by this person, or one that both have decided.

    Raises NotFoundError, NotPermittedError for who decided first while it waits, and for others.
    """
    row = db.session.get(SecondTriage, task_id)
    if row is None:
        raise NotFoundError("this referral is not looked at twice")
    _check(actor, row)
    return row


def decide(actor: Actor, task_id: str, decision: Decision) -> SecondTriage:
    """Keep the second decision. Raises RuleError, StateError where it has been made already."""
    look(actor, task_id)
    row = db.session.get(SecondTriage, task_id, with_for_update=True, populate_existing=True)
    assert row is not None
    if row.decided_at is not None:
        raise StateError("somebody has looked at this referral already", field="decision")
    _check_decision(decision)
    row.second_by = actor.practitioner
    row.second_outcome, row.second_service = decision.outcome, decision.service
    row.second_reason, row.second_priority = decision.reason, decision.priority
    row.decided_at = clock.now()
    # What was decided stays out of the referral's own trail, which the first one reads.
    records.audit.record(actor, "second-triage", f"Task/{task_id}")
    db.session.flush()
    return row


def first(row: SecondTriage) -> Decision:
    return Decision(row.first_outcome, row.first_service, row.first_reason, row.first_priority)


def second(row: SecondTriage) -> Decision | None:
    if row.second_outcome is None:
        return None
    return Decision(
        row.second_outcome, row.second_service, row.second_reason, row.second_priority or "routine"
    )


def compared(since: timedelta) -> list[SecondTriage]:
    """Return those that both have decided lately, the newest first."""
    found = db.session.execute(
        select(SecondTriage)
        .where(SecondTriage.decided_at > clock.now() - since)
        .order_by(SecondTriage.decided_at.desc(), SecondTriage.task_id)
    )
    return list(found.scalars())


def figures(rows: list[SecondTriage]) -> list[tuple[str, Agreement, Agreement, Agreement]]:
    """Return (reason, outcome, whole decision, urgency): all first, then by reason, most first."""
    groups: dict[str, list[SecondTriage]] = {}
    for row in rows:
        groups.setdefault(row.why, []).append(row)
    ordered = sorted(groups.items(), key=lambda each: (-len(each[1]), each[0]))
    return [(name, *_figures(some)) for name, some in [("", rows), *ordered]]


def _figures(rows: list[SecondTriage]) -> tuple[Agreement, Agreement, Agreement]:
    pairs = [(first(row), other) for row in rows if (other := second(row)) is not None]
    return (
        agreement.agreement([(one.outcome, other.outcome) for one, other in pairs]),
        agreement.agreement([(agreement.whole(a), agreement.whole(b)) for a, b in pairs]),
        agreement.agreement([(one.priority, other.priority) for one, other in pairs]),
    )


def _check(actor: Actor, row: SecondTriage) -> None:
    if row.decided_at is not None and actor.practitioner in {row.first_by, row.second_by}:
        return
    if row.team not in actor.teams or actor.practitioner is None:
        raise NotPermittedError("second looks are for those who triage")
    if row.decided_at is not None:
        raise NotPermittedError("both decisions are for the two who made them")
    if row.first_by == actor.practitioner:
        raise NotPermittedError("you have decided this referral: somebody else looks again")


def _check_decision(decision: Decision) -> None:
    hub = definitions.current()
    if decision.outcome not in OUTCOMES:
        raise RuleError("choose what you would decide", field="decision", allowed=OUTCOMES)
    if decision.priority not in red_flags.PRIORITIES:
        raise RuleError(
            "this is no priority", field="priority", allowed=sorted(red_flags.PRIORITIES)
        )
    wants_service = decision.outcome != TriageOutcome.DECLINED.value
    service = hub.services.get(decision.service or "")
    inside = decision.outcome == TriageOutcome.ACCEPTED.value
    if wants_service and (service is None or service.in_bundle is not inside):
        raise RuleError("choose the service", field="service")
    if not inside:
        kind = "redirect" if wants_service else "decline"
        allowed = hub.code_lists[f"{kind}-reasons"].codes
        if decision.reason not in allowed:
            raise RuleError("give one of the coded reasons", field="reason", allowed=allowed)


def _why(request: Record) -> str:
    """Return the coded reason in words where there is one; free text differs each time."""
    for concept in request.get("reasonCode") or ():
        for coding in concept.get("coding") or ():
            if coding.get("display"):
                return str(coding["display"])[:_LONGEST_WHY]
    performer: dict[str, Any] = next(iter(request.get("performer") or ()), {})
    return str(performer.get("display") or "No reason coded")[:_LONGEST_WHY]
