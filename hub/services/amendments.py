"""A sender's new version of a referral: its content is taken over while nobody has acted on it."""

from dataclasses import replace
from typing import Any

from fhir.messaging.refusal import conflict
from hub import clock, records
from hub.domain import clocks as rules
from hub.domain import red_flags, referral
from hub.domain.actor import Actor, hub_actor
from hub.domain.clock_log import ClockEventKind
from hub.domain.referral import WAITING
from hub.domain.referral_request import ReceiveReferral
from hub.records import Record, instant
from hub.services import (
    assignments,
    clocks,
    definitions,
    identification,
    notices,
    referral_intake,
    referral_request_record,
    referrals,
    task_content,
    tasks,
    triage_inputs,
)
from hub.services.enclosures import Enclosures
from hub.services.same_referral import Earlier

_HUB = hub_actor("spor")
_MORE_URGENT = "more-urgent"


def amend(actor: Actor, earlier: Earlier, command: ReceiveReferral) -> Record:
    """Write the sender's new version; refuse it where the hub's record is newer (guide: 409)."""
    request = earlier.request
    current = request["status"] in ("active", "on-hold")
    if not current or request.version != earlier.sender_version:
        raise conflict(
            "The referral has been changed by the receiver since: the update would overwrite it",
            "ServiceRequest",
        )
    definition = definitions.current()
    now = clock.now()
    patient: str = request["subject"]["reference"]
    born = identification.birth_date(
        records.read(_HUB, "Patient", patient.removeprefix("Patient/"))
    )
    age = referral.age_on(born, now.date()) if born else None
    flags = referral_intake.red_flags_of(command, age, definition)
    command = replace(command, priority=red_flags.raised(command.priority, flags))
    parts = Enclosures(command.enclosures, definition)
    for full_url, resource in command.enclosures:
        if resource is command.request:
            parts.stands_for(full_url, resource, request.reference)
        elif resource.get("resourceType") == "Patient":
            parts.stands_for(full_url, resource, patient)
    changed = referral_request_record.build(command, patient, definition, now, parts)
    changed["id"] = request.id
    given = command.request or {}
    # A sender may put a referral on hold; it stays with triage, who see it.
    changed["status"] = given.get("status", "active")
    if received := referral_request_record.received_at(request.resource):
        referral_request_record.set_received_at(changed, received)
    written = records.update(
        _HUB, changed, type="ServiceRequest", id=request.id, if_match=request.version
    )
    kept = parts.store(_HUB, patient)
    alerts = triage_inputs.of_red_flags(flags)
    alerts += triage_inputs.of_alerts(r.resource for r in kept if r.type == "Flag")
    _tell_triage(written, alerts, instant(now))
    records.audit.record(actor, "referral-amended", written.reference, {"version": written.version})
    return written


def _tell_triage(request: Record, alerts: list[dict[str, object]], at: str) -> None:
    """Show triage that the story changed; a higher urgency is taken over, a lower one never."""
    for task in referrals.open_tasks(request.reference):
        resource = task.resource
        if task_content.code(resource) != "triage":
            continue
        if (task_content.code(resource, "businessStatus") or "") not in WAITING:
            continue
        note = triage_inputs.entry(triage_inputs.UPDATED, {"valueString": f"Updated at {at}"})
        resource["input"] = [*resource.get("input", ()), *alerts, note]
        wanted = str(request.get("priority", "routine"))
        if red_flags.PRIORITIES.index(wanted) > red_flags.PRIORITIES.index(
            resource.get("priority", "routine")
        ):
            _make_urgent(task.id, resource, wanted)
        resource["lastModified"] = at
        told = records.update(_HUB, resource, type="Task", id=task.id, if_match=task.version)
        if told["priority"] != task["priority"]:
            _move_to_duty(told)


def _make_urgent(task_id: str, resource: dict[str, Any], priority: str) -> None:
    """Let the clock of the new urgency run from now, unless the old one is due before it."""
    resource["priority"] = priority
    definition = definitions.current()
    wanted = definition.clocks[definition.spor.triage_clocks[priority]]
    calendar = definition.teams[definition.spor.team].calendar
    due = rules.due_at(wanted, clock.now(), definition.calendars[calendar])
    running = clocks.running(task_id, locked=True)
    if running is None or due < running.due_at:
        clocks.stop(task_id, _MORE_URGENT, kind=ClockEventKind.RE_RULE, actor=_HUB)
        started = clocks.start(task_id, wanted.code, calendar=calendar, escalation_policy="triage")
        task_content.set_due(resource, started.due_at)
    spell = assignments.current(task_id)
    if spell is not None:
        spell.urgent = task_content.is_urgent(resource)


def _move_to_duty(task: Record) -> None:
    """Give what became urgent to who is there: outside SPOR hours that is the desk on duty."""
    resource = task.resource
    owner = task_content.owner(resource)
    definition = definitions.current()
    on_duty = referral_intake.triage_owner(definition, resource["priority"], clock.now())
    if owner.startswith("CareTeam/") and owner != on_duty:
        because = "The sender made it urgent while the SPOR is closed"
        tasks.give(_HUB, task, to=on_duty, cause=_MORE_URGENT, because=because)
        owner = on_duty
    notices.tell(
        [owner],
        kind="TaskChanged",
        subject=task.reference,
        line="The sender made a referral more urgent: triage it now",
        key=f"{task.reference}/_history/{task.version}/{_MORE_URGENT}",
        urgent=True,
    )
