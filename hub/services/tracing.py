"""The tracing queue: somebody decides who a referral is about when the records cannot prove it."""

from hub import records
from hub.domain.actor import Actor, hub_actor
from hub.domain.definition import HubDefinition
from hub.records import Record
from hub.services import identification, tasks, triage_inputs
from hub.services.identification import Identified


def open_task_for(
    actor: Actor,
    identified: Identified,
    focus: Record,
    definition: HubDefinition,
    *,
    priority: str = "routine",
) -> Record:
    """Open the tracing Task of a person who was taken in unidentified, with its suggestions."""
    team = definition.teams[definition.spor.team]
    count = len(identified.suggestions)
    likely = f"; {count} on record could be meant" if count else ""
    task = tasks.open_task(
        actor,
        code="tracing",
        patient=identified.patient.reference,
        description=f"Trace who this is: no proof of identity came with it{likely}",
        owner=f"CareTeam/{team.code}",
        priority=priority,
        focus=focus.reference,
        performing_organization=f"Organization/{team.organisation}",
        accountable_organization=f"Organization/{definition.hub_organisation}",
    )
    if not identified.suggestions:
        return task
    suggestions = [
        triage_inputs.pointer(
            triage_inputs.SUGGESTED_PERSON,
            match.reference,
            identification.suggestion_words(match),
        )
        for match in identified.suggestions
    ]
    return records.update(
        hub_actor("spor"),
        {**task.resource, "input": suggestions},
        type="Task",
        id=task.id,
        if_match=task.version,
    )
