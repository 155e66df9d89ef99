"""Telling people inside the hub."""

from hub import records
from hub.domain.actor import hub_actor
from hub.services import accountability, notices, task_content
from workflows.handlers import Event, handler

_ACTOR = hub_actor("notices")


@handler
def tell_owner(event: Event) -> None:
    """TaskAssigned: tell the new owner, unless the task has moved on since."""
    task = records.lock(_ACTOR, "Task", event.subject_id)
    owner = event.payload.get("owner", "")
    if task_content.owner(task.resource) != owner:
        return
    notices.tell(
        [owner],
        kind="TaskAssigned",
        subject=task.reference,
        line=f"New for you: {task_content.code(task.resource) or 'task'}",
        key=f"{task.reference}/_history/{event.payload.get('version', task.version)}",
        urgent=task_content.is_urgent(task.resource),
    )


_REGISTER_WORDS = {
    "RegisterEntered": "Now on the end-of-life register",
    "RegisterChanged": "A critical item of the end-of-life register entry has changed",
    "RegisterLeft": "No longer on the end-of-life register",
}


@handler
def tell_care_team(event: Event) -> None:
    """RegisterEntered, RegisterChanged, RegisterLeft: tell the person's named people."""
    entry = records.lock(_ACTOR, "EpisodeOfCare", event.subject_id)
    patient = entry.get("patient", {}).get("reference", "")
    team = accountability.current(_ACTOR, patient.removeprefix("Patient/"))
    notices.tell(
        (holding.practitioner for holding in team.values()),
        kind=event.event,
        subject=patient,
        line=_REGISTER_WORDS[event.event],
        key=f"outbox/{event.id}",
        urgent=event.event == "RegisterChanged",
    )
