"""What a referrer is owed: the hub's answers to a referral, prepared for the way it came in."""

from hub import clock, records
from hub.domain.actor import hub_actor
from hub.domain.referral_answer import Outcome, WorkOutcome
from hub.domain.task_states import OPEN, UNDO_WITHIN, TaskStatus
from hub.records import Record
from hub.services import task_content

_HUB = hub_actor("messages")
_WORK = frozenset({"triage", "intervention"})
"""Kinds of Task that a referral waits for: not who the person is, not what else it gave rise to."""
_NOBODY_THERE = "not-at-home"


def owe(
    request: Record,
    outcome: Outcome,
    *,
    reason: str | None = None,
    words: str | None = None,
    service: str | None = None,
) -> None:
    """Note in the open transaction that the referrer must hear of ``outcome``."""
    records.outbox.emit(
        "ReferralAnswered",
        subject=request.reference,
        payload={
            "outcome": outcome.value,
            "reason": reason,
            "words": words,
            "service": service,
            "version": request.version,
        },
    )


def work_ended(task: Record) -> None:
    """Note that work on a referral is done; looked at when it cannot be taken back any more."""
    request = task_content.reference(task.resource, "focus") or ""
    if task.managed and request.startswith("ServiceRequest/"):
        records.outbox.emit("ReferralWorkEnded", subject=request, due_at=clock.now() + UNDO_WITHIN)


def end(request_id: str) -> bool:
    """Complete a referral whose work is done and owe its referrer the outcome.

    False where something is still open about it, or its end is known already.
    """
    request = records.lock(_HUB, "ServiceRequest", request_id)
    if not request.managed or request["status"] != "active":
        return False
    page = records.search(
        _HUB,
        "Task",
        [
            ("focus", request.reference),
            ("_tag", "carehub|managed"),
            ("_count", "200"),
            ("_total", "none"),
        ],
    )
    work = [task for task in page.records if task_content.code(task.resource) in _WORK]
    done = [
        task_content.outcome(task.resource)
        for task in work
        if task_content.code(task.resource) == "intervention"
        and task["status"] == TaskStatus.COMPLETED.value
    ]
    if not done or any(task["status"] in OPEN for task in work):
        return False
    changed = request.resource
    changed["status"] = "completed"
    request = records.update(
        _HUB, changed, type="ServiceRequest", id=request.id, if_match=request.version
    )
    missed = all(each == _NOBODY_THERE for each in done)
    performers = [str(each.get("reference", "")) for each in changed.get("performer") or ()]
    owe(
        request,
        WorkOutcome.NOT_ATTENDED if missed else WorkOutcome.DONE,
        reason=done[-1],
        service=performers[0].removeprefix("HealthcareService/") if performers else None,
    )
    return True
