"""Telling people inside the hub."""

from collections.abc import Sequence

from fhir.outcomes import NotFoundError
from hub import records
from hub.domain.actor import hub_actor
from hub.services import accountability, notices, task_content
from hub.services.notices import Told
from workflows.handlers import Event, batch_handler, handler

_ACTOR = hub_actor("notices")


@batch_handler
def tell_owner(events: Sequence[Event]) -> None:
    """TaskAssigned: tell the new owners, unless a task has moved on since."""
    held = records.lock_many(_ACTOR, "Task", [event.subject_id for event in events])
    gone = [event.subject for event in events if event.subject_id not in held]
    if gone:
        raise NotFoundError(f"{gone[0]} is not here")
    notices.tell_many(
        Told(
            recipient=owner,
            kind="TaskAssigned",
            subject=task.reference,
            line=f"New for you: {task_content.code(content) or 'task'}",
            key=f"{task.reference}/_history/{event.payload.get('version', task.version)}",
            urgent=task_content.is_urgent(content),
        )
        for event in events
        if (owner := event.payload.get("owner", ""))
        and task_content.owner(content := (task := held[event.subject_id]).resource) == owner
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
