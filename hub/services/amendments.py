"""A sender's new version of a referral: its content is taken over while nobody has acted on it."""

from fhir.messaging.refusal import conflict
from hub import clock, records
from hub.domain.actor import Actor, hub_actor
from hub.domain.referral import WAITING
from hub.domain.referral_request import ReceiveReferral
from hub.records import Record, instant
from hub.services import (
    definitions,
    referral_request_record,
    referrals,
    task_content,
    triage_inputs,
)
from hub.services.enclosures import Enclosures
from hub.services.same_referral import Earlier

_HUB = hub_actor("spor")
_RANK = ("routine", "urgent", "asap", "stat")


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
    alerts = triage_inputs.of_alerts(r.resource for r in kept if r.type == "Flag")
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
        if _RANK.index(wanted) > _RANK.index(resource.get("priority", "routine")):
            resource["priority"] = wanted
        resource["lastModified"] = at
        records.update(_HUB, resource, type="Task", id=task.id, if_match=task.version)
