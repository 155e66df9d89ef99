"""The tracing queue: somebody decides who a referral is about when the records cannot prove it."""

from dataclasses import dataclass

from fhir.outcomes import VersionConflictError
from hub import records
from hub.domain import nhs_number
from hub.domain.actor import Actor, hub_actor
from hub.domain.confidentiality import CONFIDENTIALITY, RESTRICTED, is_restricted
from hub.domain.definition import HubDefinition
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.records import Record
from hub.services import definitions, identification, task_content, tasks, triage_inputs
from hub.services.identification import Identified

_HUB = hub_actor("identity")


def open_task_for(
    actor: Actor,
    identified: Identified,
    focus: Record,
    definition: HubDefinition,
    *,
    priority: str = "routine",
    owner: str | None = None,
) -> Record:
    """Open the tracing Task of a person who was taken in unidentified, with its suggestions.

    ``owner`` (``CareTeam/<code>``; None: the SPOR) is who has the referral first: what is urgent
    at night is traced by those who are there at night.
    """
    team = definition.teams[(owner or definition.spor.team).removeprefix("CareTeam/")]
    count = len(identified.suggestions)
    likely = f"; {count} on record could be meant" if count else ""
    return tasks.open_task(
        actor,
        code="tracing",
        patient=identified.patient.reference,
        description=f"Trace who this is: no proof of identity came with it{likely}",
        owner=f"CareTeam/{team.code}",
        priority=priority,
        focus=focus.reference,
        performing_organization=f"Organization/{team.organisation}",
        accountable_organization=f"Organization/{definition.hub_organisation}",
        inputs=[
            triage_inputs.pointer(
                triage_inputs.SUGGESTED_PERSON,
                match.reference,
                identification.suggestion_words(match),
            )
            for match in identified.suggestions
        ],
    )


@dataclass(frozen=True, slots=True)
class Question:
    """Who a referral is about: the record that was made for it, and those who could be meant."""

    task: Record
    untraced: Record
    suggested: tuple[tuple[Record, str], ...]
    """(Patient, why in words), the likeliest first."""


def question(actor: Actor, task_id: str) -> Question:
    """Return what a tracing Task asks. Who decides it sees who could be meant, and only that.

    Raises NotPermittedError for who is neither of the front door nor of the team that has it,
    NotFoundError, RuleError for another kind of task.
    """
    task = records.read(_HUB, "Task", task_id)
    if not task.managed or task_content.code(task.resource) != "tracing":
        raise RuleError("this task traces nobody", field="task")
    spor = f"CareTeam/{definitions.current().spor.team}"
    owner = task_content.owner(task.resource)
    if not {spor, owner} & {*actor.teams, actor.practitioner}:
        raise NotPermittedError("the front door decides who this is")
    asked = triage_inputs.read(task.resource).suggested_people
    wanted = {each.reference: each.words for each in asked if each.reference}
    # A record that has been merged or that its person objects to is not there any more.
    held = records.read_many(_HUB, wanted)
    for reference in held:
        records.spool.looked(actor, "tracing", reference)
    return Question(
        task,
        records.read(_HUB, "Patient", _person(task)),
        tuple((held[each], words) for each, words in wanted.items() if each in held),
    )


def confirm(
    actor: Actor,
    task_id: str,
    *,
    version: int,
    number: str | None = None,
    restricted: bool = False,
) -> Record:
    """Say that this is somebody new to the hub, traced as ``number`` (or without a number).

    ``restricted`` marks the record as the national service has it marked.
    """
    task = _tracing(actor, task_id, version)
    patient = records.lock(_HUB, "Patient", _person(task))
    resource = patient.resource
    meta = {**resource.get("meta", {})}
    meta["tag"] = [t for t in meta.get("tag", ()) if t.get("system") != identification.IDENTITY_TAG]
    if restricted and not is_restricted(resource):
        label = {"system": CONFIDENTIALITY, "code": RESTRICTED}
        meta["security"] = [*meta.get("security", ()), label]
    resource["meta"] = {name: value for name, value in meta.items() if value}
    if number is not None:
        resource["identifier"] = identification.with_verified(
            resource.get("identifier", []), nhs_number.parse(number)
        )
    records.update(_HUB, resource, type="Patient", id=patient.id, if_match=patient.version)
    return _settle(actor, task, patient.reference, "new-person")


def link(actor: Actor, task_id: str, *, version: int, patient: str) -> Record:
    """Say that the person is ``patient`` (``Patient/<id>``), whom the hub has on record.

    Both records then point at each other; what was written for the referral stays where it is.
    """
    task = _tracing(actor, task_id, version)
    untraced_id, known_id = _person(task), patient.removeprefix("Patient/")
    if untraced_id == known_id:
        raise RuleError("this is the record that is to be traced", field="patient")
    # One order for everybody who links: two who link the same pair cannot wait for one another.
    both = {each: records.lock(_HUB, "Patient", each) for each in sorted({untraced_id, known_id})}
    _point(both[untraced_id], both[known_id], "refer")
    _point(both[known_id], both[untraced_id], "seealso")
    return _settle(actor, task, patient, "known-person")


def _tracing(actor: Actor, task_id: str, version: int) -> Record:
    spor = f"CareTeam/{definitions.current().spor.team}"
    # Who comes second is told so, not that nothing is there.
    task = records.lock(_HUB if spor in actor.teams else actor, "Task", task_id)
    if task.version != version:
        raise VersionConflictError(task.reference, current=task.version, given=version)
    if not task.managed or task_content.code(task.resource) != "tracing":
        raise RuleError("this task traces nobody", field="task")
    if not task_content.is_open(task.resource):
        raise StateError("somebody has decided this already", field="status")
    return task


def _person(task: Record) -> str:
    return (task_content.reference(task.resource, "for") or "").removeprefix("Patient/")


def _point(patient: Record, other: Record, kind: str) -> None:
    """Add a link (https://hl7.org/fhir/R4/valueset-link-type.html) to a Patient."""
    resource = patient.resource
    pointer = {"other": {"reference": other.reference}, "type": kind}
    if pointer not in resource.get("link", ()):
        resource["link"] = [*resource.get("link", ()), pointer]
        records.update(_HUB, resource, type="Patient", id=patient.id, if_match=patient.version)


def _settle(actor: Actor, task: Record, patient: str, outcome: str) -> Record:
    records.audit.record(
        actor, "identity-decided", patient, {"task": task.reference, "outcome": outcome}
    )
    return tasks.complete(actor, task.id, version=task.version, outcome=outcome, note=patient)
