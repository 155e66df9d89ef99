"""Referrals at the SPOR: taken in once, decided by a person, never bounced, never without an owner.

Every verb is called inside ``with transaction()``; those of triage are conditional on the version
of the triage Task that the actor saw (``VersionConflictError`` otherwise).
"""

from typing import Any

from hub import clock, records
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import StateError
from hub.domain.referral import WAITING, TriageOutcome
from hub.domain.referral_request import (
    Attachment,
    Carer,
    Channel,
    Code,
    ConsentGiven,
    Demographics,
    MessageIdentity,
    ReceiveReferral,
    Referrer,
    SafetyAlert,
)
from hub.domain.task_states import OPEN, TaskStatus
from hub.records import Record, instant
from hub.services import referral_answers, task_content
from hub.services.referral_intake import ReferralReceipt, receive
from hub.services.triage import accept, answer_question, ask, decline, redirect

__all__ = [
    "Attachment",
    "Carer",
    "Channel",
    "Code",
    "ConsentGiven",
    "Demographics",
    "MessageIdentity",
    "ReceiveReferral",
    "ReferralReceipt",
    "Referrer",
    "SafetyAlert",
    "accept",
    "answer_question",
    "ask",
    "decline",
    "open_tasks",
    "receive",
    "redirect",
    "withdraw",
]

WITHDRAWN = "withdrawn"
_HUB = hub_actor("spor")


def withdraw(
    actor: Actor, service_request_id: str, *, reason: str, entered_in_error: bool = False
) -> Record:
    """Withdraw for the referrer: stops every open Task of it; returns the ServiceRequest.

    ``reason`` is a code of the list ``withdrawal-reasons`` or plain words.
    """
    request = records.lock(_HUB, "ServiceRequest", service_request_id)
    resource = request.resource
    if not request.managed or resource["status"] not in ("active", "on-hold"):
        raise StateError(
            "only a referral that is current can be withdrawn", field="ServiceRequest.status"
        )
    for task in open_tasks(request.reference):
        _stop(actor, task, reason)
    resource["status"] = "entered-in-error" if entered_in_error else "revoked"
    request = records.update(
        _HUB, resource, type="ServiceRequest", id=request.id, if_match=request.version
    )
    records.audit.record(actor, "referral-withdrawn", request.reference, {"reason": reason})
    referral_answers.owe(request, TriageOutcome.WITHDRAWN, reason=reason)
    return request


def open_tasks(request: str) -> list[Record]:
    """Return the open managed Tasks of a referral, locked, in the order of their ids."""
    page = records.search(
        _HUB,
        "Task",
        [("focus", request), ("_tag", "carehub|managed"), ("_count", "200"), ("_total", "none")],
    )
    locked = (records.lock(_HUB, "Task", each.id) for each in sorted(page.records, key=_id))
    return [task for task in locked if task["status"] in OPEN]


def _id(record: Record) -> str:
    return record.id


def _stop(actor: Actor, task: Record, reason: str) -> None:
    """Call one Task off for the hub, which records the cause and who withdrew."""
    resource: dict[str, Any] = task.resource
    now = clock.now()
    resource["status"] = TaskStatus.CANCELLED.value
    resource["lastModified"] = instant(now)
    triage = task_content.code(resource) == "triage"
    if triage and (task_content.code(resource, "businessStatus") or "") in WAITING:
        task_content.set_step(resource, TriageOutcome.WITHDRAWN.value)
    task_content.set_reason(resource, WITHDRAWN, reason)
    task_content.add_note(resource, actor, f"Withdrawn: {reason}", now)
    records.update(_HUB, resource, type="Task", id=task.id, if_match=task.version)
