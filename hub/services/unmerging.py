"""Taking a merge back: every record that it moved is as it was, by a next version of its own.

What was written about the person in between cannot be told apart by a program: it is listed for a
person, in the answer and as a Task.
"""

from dataclasses import dataclass
from typing import Any

from fhir import jsontext
from fhir.search.mentions import mentioned, redirected
from hub import clock, records
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import StateError
from hub.models.patient_merge import PatientMerge
from hub.queries.standing import is_replaced
from hub.records import Record, compartment
from hub.records.compartment import BEFORE_ALL, Asked, Position
from hub.records.rewriting import held, rewrite
from hub.services import definitions, tasks, triage_inputs
from hub.services.merging import (
    REPLACED_BY,
    REPLACES,
    UNTOUCHED,
    check_may,
    follow_task,
    open_merge,
    say,
)

_HUB = hub_actor("identity")

ALLOT = "allotment"
"""Code of the Task by which a person decides whose the records are."""
_MOST_NAMED = 100
"""Records that the Task names; the answer names all."""


@dataclass(frozen=True, slots=True)
class Unmerged:
    """What the end of a merge did."""

    source: Record
    restored: int
    """Records that are the source's again."""
    between: tuple[str, ...]
    """References of what was written about the person in between."""
    task: Record | None
    """The work to allot them; None where there is nothing to decide."""


def unmerge(actor: Actor, source_id: str) -> Unmerged:
    """Take back the merge that replaced the Patient ``source_id``.

    Raises NotPermittedError, StateError (not merged, or merged on since), NotFoundError.
    """
    check_may(actor)
    records.read(actor, "Patient", source_id)
    merge = open_merge(source_id)
    if merge is None:
        raise StateError("this record was not merged into another one", field="source-patient")
    both = {
        each: records.lock(actor, "Patient", each) for each in sorted({source_id, merge.target})
    }
    source, target = both[source_id], both[merge.target]
    if is_replaced(target):
        raise StateError(
            "the target was merged into another record since: take that back first",
            field="source-patient",
        )
    between = _between(merge)
    restored = 0
    for reference, before, after in merge.moved[2:]:
        done = _restore(actor, reference, (before, after), (target.reference, source.reference))
        restored += done
        if not done:
            between.add(reference)
    versions = {reference: (before, after) for reference, before, after in merge.moved[:2]}
    for record in (source, target):
        if record.version != versions[record.reference][1]:
            between.add(record.reference)
    _part(actor, target, source.reference, REPLACES, versions[target.reference])
    alone = _part(actor, source, target.reference, REPLACED_BY, versions[source.reference])
    merge.unmerged_at, merge.unmerged_by = clock.now(), actor.id
    say(actor, "unmerge", source.reference, target.reference)
    detail = {"source": source.reference, "records": restored}
    records.audit.record(actor, "patients-unmerged", target.reference, detail)
    records.outbox.emit("PatientsUnmerged", subject=target.reference, payload=detail)
    listed = tuple(sorted(between))
    task = _ask(actor, source, target, listed) if listed else None
    return Unmerged(alone, restored, listed, task)


def _between(merge: PatientMerge) -> set[str]:
    """Return what was written about the target since the merge, and not by it."""
    made_by_it = {(reference, after) for reference, _, after in merge.moved}
    found: set[str] = set()
    position: Position | None = BEFORE_ALL
    while position is not None:
        asked = Asked(since=merge.merged_at, after=position)
        page = compartment.of_patient(_HUB, merge.target, asked)
        for entry in page.matches:
            resource_type = page.type_of(entry)
            reference = f"{resource_type}/{entry.id}"
            if resource_type not in UNTOUCHED and (reference, entry.version) not in made_by_it:
                found.add(reference)
        position = page.next
    return found


def _restore(
    actor: Actor, reference: str, versions: tuple[int, int], people: tuple[str, str]
) -> bool:
    """Give a record back to the source; False where only a person can say how.

    What was changed in between keeps the change, if nothing else in it was the target's before.
    """
    before, after = versions
    target, source = people
    record = held(reference)
    if record is None or record.deleted:
        return False
    earlier = records.vread(_HUB, record.type, record.id, before).text
    if record.version == after:
        text = earlier
    elif target.partition("/")[2] not in mentioned([earlier]).get("Patient", ()):
        text = redirected(record.text, target, source)
    else:
        return False
    follow_task(rewrite(actor, record, text, "unmerge"))
    return True


def _part(
    actor: Actor, patient: Record, other: str, kind: str, versions: tuple[int, int]
) -> Record:
    """Let a Patient stand alone: as it was, or, changed in between, without the link."""
    before, after = versions
    earlier = records.vread(_HUB, "Patient", patient.id, before)
    if patient.version == after:
        return rewrite(actor, patient, earlier.text, "unmerge")
    resource: dict[str, Any] = patient.resource
    link = {"other": {"reference": other}, "type": kind}
    resource["link"] = [each for each in resource.get("link", ()) if each != link]
    if not resource["link"]:
        del resource["link"]
    if kind == REPLACED_BY:
        resource.pop("active", None)
        if (active := earlier.get("active")) is not None:
            resource["active"] = active
    return rewrite(actor, patient, jsontext.dumps(resource), "unmerge")


def _ask(actor: Actor, source: Record, target: Record, between: tuple[str, ...]) -> Record:
    """Open the work to say whose the records are, for the single point of referral."""
    definition = definitions.current()
    team = definition.teams[definition.spor.team]
    count = len(between)
    task = tasks.open_task(
        actor,
        code=ALLOT,
        patient=target.reference,
        description=f"Say whose these records are: {count} written while two people were one",
        owner=f"CareTeam/{team.code}",
        focus=source.reference,
        performing_organization=f"Organization/{team.organisation}",
        accountable_organization=f"Organization/{definition.hub_organisation}",
    )
    named = [
        triage_inputs.pointer(triage_inputs.WRITTEN_BETWEEN, each, "Written in between")
        for each in between[:_MOST_NAMED]
    ]
    return records.update(
        hub_actor("spor"),
        {**task.resource, "input": named},
        type="Task",
        id=task.id,
        if_match=task.version,
    )
