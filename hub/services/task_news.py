"""What the other side of a change of a Task is told: each party once for each version."""

from collections.abc import Iterator

from hub.domain.actor import Actor
from hub.domain.task_states import OPEN, TaskStatus
from hub.models.offer import TaskOffer
from hub.queries import parts as parts_query
from hub.services import task_content
from hub.services.notices import Told
from hub.services.task_content import Task

_WORDS = {
    TaskStatus.RECEIVED: "has seen the task",
    TaskStatus.ACCEPTED: "accepted the task",
    TaskStatus.READY: "is ready to begin the task",
    TaskStatus.IN_PROGRESS: "started the task",
    TaskStatus.REJECTED: "declined the task",
    TaskStatus.ON_HOLD: "put the task on hold",
    TaskStatus.COMPLETED: "completed the task",
    TaskStatus.FAILED: "could not complete the task",
    TaskStatus.CANCELLED: "cancelled the task",
    TaskStatus.ENTERED_IN_ERROR: "said that the task was a mistake",
}
_AGAIN = {
    TaskStatus.ON_HOLD: "took the task up again",
    TaskStatus.COMPLETED: "took back that the task is done",
}


def told(actor: Actor, old: Task, new: Task, taken: TaskOffer | None) -> Iterator[Told]:
    """Yield what owner, requester, who had it before and who has the whole of it are told.

    ``taken`` is the offer that this version accepts, if it does.
    """
    task_id, version = new["id"], new["meta"]["versionId"]
    line = _words(old, new) if old["status"] != new["status"] else None
    moved = task_content.owner(old) != task_content.owner(new) and new["status"] in OPEN
    if moved and old["status"] in OPEN:
        line = "took the task over" if taken else "moved the task to another owner"
    if line is None:
        return
    parties = {
        task_content.owner(old),
        task_content.owner(new) if not moved else None,
        task_content.reference(new, "requester"),
        parts_query.owner_of(task_content.whole_of(new)) if "partOf" in new else None,
    }
    if taken:
        # They hear that their offer was accepted: the same thing is not told twice.
        parties -= {taken.giver, taken.owner}
    for each in parties:
        if each and each.startswith("Practitioner/") and each != actor.practitioner:
            yield Told(
                recipient=each,
                kind="TaskChanged",
                subject=f"Task/{task_id}",
                line=f"{actor.display} {line}: {task_content.code(new) or 'task'}",
                key=f"Task/{task_id}/_history/{version}",
            )


def _words(old: Task, new: Task) -> str | None:
    before, after = task_content.status(old), task_content.status(new)
    if after is TaskStatus.IN_PROGRESS and before in _AGAIN:
        return _AGAIN[before]
    if before is TaskStatus.ON_HOLD and after is TaskStatus.REQUESTED:
        return "ended the hold: nobody looked at the task at its review"
    return _WORDS.get(after)
