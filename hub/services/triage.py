"""Triage: a person accepts, redirects, asks or declines, once, with a reason, under a version."""

from datetime import timedelta
from typing import Any

from fhir.outcomes import VersionConflictError
from hub import clock, records
from hub.domain import referral
from hub.domain.actor import Actor, hub_actor
from hub.domain.agreement import Decision
from hub.domain.clocks import ClockKind
from hub.domain.definition import HubDefinition, Service
from hub.domain.errors import RuleError, StateError
from hub.domain.referral import TriageOutcome
from hub.domain.task_states import TaskStatus
from hub.records import Record, instant
from hub.services import (
    choices,
    definitions,
    identification,
    onward,
    referral_answers,
    referral_request_record,
    second_triage,
    task_content,
    tasks,
    triage_inputs,
)
from hub.services.choices import Choice

ASKED_REASON = "awaiting-referrer"
LONGEST_ANSWER = 2000
_A_DAY = 24 * 60


def accept(
    actor: Actor,
    task_id: str,
    *,
    version: int,
    service: str,
    note: str | None = None,
    choice: Choice | None = None,
) -> Record:
    """Accept for ``service``: completes the triage Task and returns the new intervention Task.

    ``choice``, here and below: what the person was offered and told, kept on the triage Task.
    """
    definition = definitions.current()
    chosen = _service(definition, service)
    if not chosen.in_bundle:
        raise RuleError(f"{chosen.name} is outside the hub: redirect the referral", field="service")
    task, request = _open_referral(actor, task_id, version, TriageOutcome.ACCEPTED, reason=None)
    person = (task_content.reference(task.resource, "for") or "").removeprefix("Patient/")
    patient = records.read(actor, "Patient", person)
    referral.check_age(chosen, _age(patient))
    task, seen = _taken(actor, task), request
    request = _performed_by(actor, request, chosen, "active")
    intervention = _open_intervention(actor, request, patient, chosen, note)
    _close(actor, task, TriageOutcome.ACCEPTED, reason=None, note=note, choice=choice)
    _looked_at_again(actor, task, seen, TriageOutcome.ACCEPTED, service=chosen.code)
    tasks.ask_for_routing(actor, intervention.id)
    referral_answers.owe(request, TriageOutcome.ACCEPTED, words=note, service=chosen.code)
    return intervention


def redirect(
    actor: Actor,
    task_id: str,
    *,
    version: int,
    service: str,
    reason: str,
    choice: Choice | None = None,
) -> Record:
    """Send the referral on to ``service`` outside the bundle; returns the closed triage Task."""
    definition = definitions.current()
    chosen = _service(definition, service)
    referral.check_redirect(chosen)
    _coded(definition, "redirect-reasons", reason)
    task, request = _open_referral(actor, task_id, version, TriageOutcome.REDIRECTED, reason=reason)
    task, seen = _taken(actor, task), request
    request = _performed_by(actor, request, chosen, "completed")
    onward.open_task(actor, request, chosen)
    closed = _close(actor, task, TriageOutcome.REDIRECTED, reason=reason, note=None, choice=choice)
    _looked_at_again(
        actor, task, seen, TriageOutcome.REDIRECTED, service=chosen.code, reason=reason
    )
    referral_answers.owe(request, TriageOutcome.REDIRECTED, reason=reason, service=chosen.code)
    return closed


def ask(actor: Actor, task_id: str, *, version: int, question: str, kind: str = "other") -> Record:
    """Ask the referrer; the triage Task stays open at step "asked" and in its team's hands.

    ``kind`` is a code of the list ``question-kinds``. The answer is due by the hub's data; the
    triage clock runs on beside it.
    """
    _coded(definitions.current(), "question-kinds", kind)
    task, request = _open_referral(actor, task_id, version, TriageOutcome.ASKED, reason=question)
    resource = task.resource
    if resource["status"] == TaskStatus.REQUESTED.value:
        # Anyone of the team can go on when the answer comes: the pool keeps it.
        resource["status"] = TaskStatus.RECEIVED.value
    task_content.set_step(resource, TriageOutcome.ASKED.value)
    task_content.set_reason(resource, ASKED_REASON)
    task_content.add_note(resource, actor, question, clock.now())
    minutes = definitions.current().spor.answer_minutes.get(
        str(request.get("priority", "routine")), _A_DAY
    )
    due = clock.now() + timedelta(minutes=minutes)
    triage_inputs.set_question(resource, kind=kind, due=instant(due))
    asked = _write(actor, task, resource)
    referral_answers.owe(request, TriageOutcome.ASKED, words=question)
    return asked


def answer_question(actor: Actor, task_id: str, *, words: str, by: str) -> Record:
    """Record the referrer's answer on the triage Task that waits for it; triage can go on.

    ``by`` says who answered and how, in plain words. Raises StateError where nothing is asked.
    """
    said = words.strip()
    if not said or len(said) > LONGEST_ANSWER:
        raise RuleError(f"an answer has 1 to {LONGEST_ANSWER} characters", field="answer")
    task = records.lock(actor, "Task", task_id)
    resource = task.resource
    if task_content.code(resource, "businessStatus") != TriageOutcome.ASKED.value:
        raise StateError("no question is open about this referral", field="businessStatus")
    task_content.set_step(resource, referral.Step.VALIDATED.value)
    task_content.set_reason(resource, None)
    triage_inputs.set_question(resource, kind=None, due=None)
    task_content.add_note(resource, actor, f"{by}: {said}", clock.now())
    return _write(actor, task, resource)


def decline(
    actor: Actor,
    task_id: str,
    *,
    version: int,
    reason: str,
    advice: str,
    choice: Choice | None = None,
) -> Record:
    """Decline with a coded ``reason`` and mandatory ``advice``; returns the closed triage Task."""
    _coded(definitions.current(), "decline-reasons", reason)
    if not advice.strip():
        raise RuleError("say what the referrer should do instead", field="advice")
    task, request = _open_referral(actor, task_id, version, TriageOutcome.DECLINED, reason=reason)
    task, seen = _taken(actor, task), request
    changed = request.resource
    changed["status"] = "revoked"
    request = records.update(
        actor, changed, type="ServiceRequest", id=request.id, if_match=request.version
    )
    closed = _close(actor, task, TriageOutcome.DECLINED, reason=reason, note=advice, choice=choice)
    _looked_at_again(actor, task, seen, TriageOutcome.DECLINED, reason=reason)
    referral_answers.owe(request, TriageOutcome.DECLINED, reason=reason, words=advice)
    return closed


def _open_referral(
    actor: Actor, task_id: str, version: int, outcome: TriageOutcome, *, reason: str | None
) -> tuple[Record, Record]:
    """Return triage Task and request, locked; refuse what triage has answered already."""
    # The request first, its Tasks after, as who withdraws or amends it: nobody deadlocks.
    reader, spor = _reader(actor), hub_actor("spor")
    focus = task_content.reference(records.read(reader, "Task", task_id).resource, "focus") or ""
    request_id = focus.removeprefix("ServiceRequest/")
    request = records.lock(spor, "ServiceRequest", request_id) if request_id != focus else None
    task = records.lock(reader, "Task", task_id)
    if task.version != version:
        raise VersionConflictError(task.reference, current=task.version, given=version)
    resource = task.resource
    if task_content.code(resource) != "triage" or not task.managed or request is None:
        raise RuleError("this task is no triage of a referral", field="task")
    step = task_content.code(resource, "businessStatus") or ""
    referral.check_outcome(step, outcome, reason=reason)
    if request["status"] not in ("active", "on-hold"):
        raise StateError("the referral is no longer open", field="ServiceRequest.status")
    return task, request


def _reader(actor: Actor) -> Actor:
    """Let the SPOR read every triage: who comes second is told so, not that nothing is there."""
    spor = definitions.current().spor
    triagers = {f"CareTeam/{spor.team}", f"CareTeam/{spor.out_of_hours_desk}"}
    return hub_actor("spor") if actor.teams & triagers else actor


def _taken(actor: Actor, task: Record) -> Record:
    """Make the actor the owner: whoever decides a referral has taken it, on the record."""
    if task["status"] in (TaskStatus.REQUESTED.value, TaskStatus.RECEIVED.value):
        return tasks.accept(actor, task.id, version=task.version)
    return task


def _close(
    actor: Actor,
    task: Record,
    outcome: TriageOutcome,
    *,
    reason: str | None,
    note: str | None,
    choice: Choice | None,
) -> Record:
    resource = task.resource
    now = clock.now()
    resource["status"] = TaskStatus.COMPLETED.value
    resource["executionPeriod"] = {**resource.get("executionPeriod", {}), "end": instant(now)}
    task_content.set_step(resource, outcome.value)
    task_content.set_reason(resource, reason)
    if note:
        task_content.add_note(resource, actor, note, now)
    if choice is not None:
        choices.keep(resource, choice)
    return _write(actor, task, resource)


def _looked_at_again(
    actor: Actor,
    task: Record,
    seen: Record,
    outcome: TriageOutcome,
    *,
    service: str | None = None,
    reason: str | None = None,
) -> None:
    decided = Decision(outcome.value, service, reason, str(seen.get("priority", "routine")))
    second_triage.offer(actor, task, seen, decided)


def _write(actor: Actor, task: Record, resource: dict[str, Any]) -> Record:
    resource["lastModified"] = instant(clock.now())
    return records.update(actor, resource, type="Task", id=task.id, if_match=task.version)


def _performed_by(actor: Actor, request: Record, service: Service, status: str) -> Record:
    changed = request.resource
    changed["status"] = status
    changed["performer"] = [
        {"reference": f"HealthcareService/{service.code}", "display": service.name}
    ]
    return records.update(
        actor, changed, type="ServiceRequest", id=request.id, if_match=request.version
    )


def _open_intervention(
    actor: Actor, request: Record, patient: Record, service: Service, note: str | None
) -> Record:
    resource = request.resource
    priority = resource.get("priority", "routine")
    clock_code = service.clock_for(priority)
    reason = (
        next((concept.get("text") for concept in resource.get("reasonCode", ())), None)
        or "referral"
    )
    # A crisis is answered in so many hours from the referral, not from the triage of it.
    elapsed = definitions.current().clocks[clock_code].kind is ClockKind.ELAPSED
    received = referral_request_record.received_at(resource) if elapsed else None
    return tasks.open_task(
        actor,
        code="intervention",
        patient=patient.reference,
        description=f"{service.name}: {reason}"[:500],
        owner=f"CareTeam/{service.team}",
        priority=priority,
        focus=request.reference,
        performing_organization=f"Organization/{service.performing}",
        accountable_organization=f"Organization/{service.accountable}",
        roles=service.roles,
        clock=clock_code,
        clock_from=received,
        service=service.code,
        step="triaged",
        note=note,
    )


def _service(definition: HubDefinition, code: str) -> Service:
    service = definition.services.get(code)
    if service is None:
        raise RuleError("the hub has no such service", field="service",
                        allowed=sorted(definition.services))  # fmt: skip
    return service


def _coded(definition: HubDefinition, code_list: str, reason: str) -> None:
    allowed = definition.code_lists[code_list].codes
    if reason not in allowed:
        raise RuleError("give one of the coded reasons", field="reason", allowed=allowed)


def _age(patient: Record) -> int | None:
    born = identification.birth_date(patient)
    return referral.age_on(born, clock.now().date()) if born else None
