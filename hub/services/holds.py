"""Work put aside: its owner is reminded at the review; a hold nobody looks at ends by itself.

A hold must not hide work: while it stands the clock may stand too. Some time after its review
(section ``work`` of the hub definition) the task is asked for anew, its clock runs, and the
policy of that clock tells whom it tells.
"""

from datetime import datetime

from hub import records
from hub.domain.actor import hub_actor
from hub.domain.offer import hold_ends_at
from hub.domain.task_states import TaskStatus
from hub.records.record import Record
from hub.services import assignments, definitions, notices, task_content
from hub.services.task_versions import write

_HUB = hub_actor("holds")
OVERDUE = "hold-overdue"


def remind(task: Record, held_version: int) -> bool:
    """Remind the owner, unless the task was taken up again; True when somebody was told."""
    if not _stands(task, held_version):
        return False
    told = notices.tell(
        [task_content.owner(task.resource)],
        kind="TaskHoldEnds",
        subject=task.reference,
        line=f"Look again at work on hold: {task_content.code(task.resource) or 'task'}",
        key=f"{task.reference}/_history/{held_version}/hold",
    )
    if told:
        records.outbox.emit(
            "TaskHoldOverdue",
            subject=task.reference,
            payload={"version": held_version},
            due_at=hold_ends_at(
                definitions.current().work,
                urgent=task_content.is_urgent(task.resource),
                review_at=_review(task),
            ),
        )
    return bool(told)


def release(task: Record, held_version: int) -> Record | None:
    """End a hold whose review nobody answered: same owner, asked anew, the clock runs again.

    The owner is told as of every change, the lead of their team besides.
    """
    if not _stands(task, held_version):
        return None
    resource = task.resource
    released = write(
        _HUB, task, resource, TaskStatus.REQUESTED, reason=OVERDUE, words="review not answered"
    )
    spell = assignments.current(task.id)
    team = definitions.current().teams.get(((spell and spell.team) or "").partition("/")[2])
    if team is not None:
        notices.tell(
            {f"Practitioner/{team.lead}"} - {task_content.owner(resource)},
            kind="TaskHoldOverdue",
            subject=task.reference,
            line=f"Nobody looked at work on hold: {task_content.code(resource) or 'task'}",
            key=f"{task.reference}/_history/{held_version}/hold-overdue",
            urgent=task_content.is_urgent(resource),
        )
    return released


def _stands(task: Record, held_version: int) -> bool:
    """Say whether this very hold still stands: later versions may only have changed words."""
    return (
        task.version >= held_version and task["status"] == "on-hold" and _same(task, held_version)
    )


def _same(task: Record, held_version: int) -> bool:
    if task.version == held_version:
        return True
    held = records.vread(_HUB, "Task", task.id, held_version)
    return bool(held["statusReason"] == task.get("statusReason"))


def _review(task: Record) -> datetime:
    return task_content.review_at(task.resource) or task.last_updated
