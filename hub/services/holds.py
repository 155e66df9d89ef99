"""Work put aside: its owner is reminded when the review falls due."""

from hub.records.record import Record
from hub.services import notices, task_content


def remind(task: Record, held_version: int) -> bool:
    """Remind the owner, unless the task was taken up again; True when somebody was told."""
    if task.version != held_version or task["status"] != "on-hold":
        return False
    told = notices.tell(
        [task_content.owner(task.resource)],
        kind="TaskHoldEnds",
        subject=task.reference,
        line=f"Look again at work on hold: {task_content.code(task.resource) or 'task'}",
        key=f"{task.reference}/_history/{held_version}/hold",
    )
    return bool(told)
