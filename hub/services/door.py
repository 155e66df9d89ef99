"""Rules at the door: what matches one is answered at once, on the record, with its reason."""

from typing import Any

from hub import clock, records
from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition, RoutingRule, Service
from hub.domain.referral import TriageOutcome
from hub.domain.referral_request import ReceiveReferral
from hub.domain.task_states import TaskStatus
from hub.records import Record, instant
from hub.services import onward, referral_answers, task_content, tasks

_HUB = hub_actor("door")


def suggested_service(
    command: ReceiveReferral, rule: RoutingRule | None, definition: HubDefinition
) -> Service | None:
    """Return what triage is offered first: where a rule points, what was asked for, the default."""
    code = (rule.to_service if rule else None) or command.service or definition.spor.default_offer
    return definition.services.get(code)


def answer(
    rule: RoutingRule, request: Record, task: Record, definition: HubDefinition
) -> tuple[Record, Record]:
    """Carry out a rule: decline, or redirect outside the bundle; returns request and triage Task.

    A rule that points to a service inside the bundle never sends anything back: it only changes
    what triage is offered, and a person accepts.
    """
    target = definition.services.get(rule.to_service or "")
    if rule.outcome == "redirect" and target is not None and target.in_bundle:
        return request, task
    redirected = rule.outcome == "redirect" and target is not None
    outcome = TriageOutcome.REDIRECTED if redirected else TriageOutcome.DECLINED
    changed: dict[str, Any] = request.resource
    changed["status"] = "completed" if redirected else "revoked"
    if redirected and target is not None:
        changed["performer"] = [
            {"reference": f"HealthcareService/{target.code}", "display": target.name}
        ]
    request = records.update(
        _HUB, changed, type="ServiceRequest", id=request.id, if_match=request.version
    )
    task = _close(task, outcome, rule)
    if redirected and target is not None:
        onward.open_task(_HUB, request, target)
    if rule.task:
        _open_check(rule, request, definition)
    referral_answers.owe(request, outcome, reason=rule.reason, words=rule.answer)
    return request, task


def _close(task: Record, outcome: TriageOutcome, rule: RoutingRule) -> Record:
    resource = task.resource
    now = clock.now()
    # The hub may only call a managed Task off, with its cause: it never says a person did it.
    resource["status"] = TaskStatus.CANCELLED.value
    resource["lastModified"] = instant(now)
    resource["executionPeriod"] = {"end": instant(now)}
    task_content.set_step(resource, outcome.value)
    task_content.set_reason(resource, rule.reason, rule.name)
    task_content.add_note(resource, _HUB, rule.answer, now)
    return records.update(_HUB, resource, type="Task", id=task.id, if_match=task.version)


def _open_check(rule: RoutingRule, request: Record, definition: HubDefinition) -> None:
    """Somebody makes sure the same day that the referrer did what the answer asked for."""
    spor = definition.teams[definition.spor.team]
    referrer = (request.get("requester") or {}).get("display", "the referrer")
    tasks.open_task(
        _HUB,
        code=str(rule.task),
        patient=request["subject"]["reference"],
        description=f"{rule.name}: confirm with {referrer} that it has been sent on",
        owner=f"CareTeam/{spor.code}",
        priority="urgent",
        focus=request.reference,
        performing_organization=f"Organization/{spor.organisation}",
        accountable_organization=f"Organization/{definition.hub_organisation}",
        clock=rule.task_clock,
    )
