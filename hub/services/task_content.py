"""What a managed Task says, read and written in FHIR's own words (https://hl7.org/fhir/R4/task.html).

The conventions of the hub's tasks stand here and nowhere else.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from fhir.systems import (
    ACCOUNTABLE_ORGANIZATION,
    BUSINESS_STATUS,
    HOLD_REVIEW,
    PERFORMING_ORGANIZATION,
    ROLE,
    STATUS_REASON,
    TASK_CODE,
)
from hub.domain.actor import Actor
from hub.domain.task_states import OPEN, TaskStatus
from hub.records.record import instant

Task = dict[str, Any]

REFERRAL_STEPS = frozenset(
    {
        "received",
        "validated",
        "triaged",
        "allocated",
        "first-contact",
        "assessed",
        "in-service",
        "outcome",
        "closed",
        "accepted",
        "redirected",
        "declined",
        "asked",
        "withdrawn",
    }
)
"""Codes of Task.businessStatus (care model, section 3)."""


def status(task: Mapping[str, Any]) -> TaskStatus:
    return TaskStatus(task["status"])


def is_open(task: Mapping[str, Any]) -> bool:
    return task["status"] in OPEN


def owner(task: Mapping[str, Any]) -> str:
    reference: str = task.get("owner", {}).get("reference", "")
    return reference


def reference(task: Mapping[str, Any], element: str) -> str | None:
    found: str | None = task.get(element, {}).get("reference")
    return found


def code(task: Mapping[str, Any], element: str = "code") -> str | None:
    """Return the first code of a CodeableConcept."""
    codings = task.get(element, {}).get("coding") or [{}]
    found: str | None = codings[0].get("code")
    return found


def due_at(task: Mapping[str, Any]) -> datetime | None:
    end = task.get("restriction", {}).get("period", {}).get("end")
    return datetime.fromisoformat(end).astimezone(UTC) if end and "T" in end else None


def roles(task: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(
        coding["code"]
        for concept in task.get("performerType", ())
        for coding in concept.get("coding", ())
        if coding.get("system") == ROLE and "code" in coding
    )


def is_urgent(task: Mapping[str, Any]) -> bool:
    return bool(task.get("priority", "routine") != "routine")


def organization(task: Mapping[str, Any], url: str) -> str | None:
    """Return the organisation that performs (or is accountable for) the task."""
    for extension in task.get("extension", ()):
        if extension.get("url") == url:
            found: str | None = extension.get("valueReference", {}).get("reference")
            return found
    return None


def concept(system: str, value: str, words: str | None = None) -> dict[str, Any]:
    """Return a CodeableConcept with one code; ``words`` become its text."""
    made: dict[str, Any] = {"coding": [{"system": system, "code": value}]}
    if words:
        made["text"] = words
    return made


def new_task(
    *,
    task_code: str,
    patient: str | None,
    description: str,
    owner: str,
    priority: str,
    at: datetime,
    due: datetime | None,
    focus: str | None,
    requester: str | None,
    roles: Iterable[str],
    step: str | None,
    performing_organization: str,
    accountable_organization: str,
) -> Task:
    """Return a Task that asks for work."""
    task: Task = {
        "resourceType": "Task",
        "extension": [
            {"url": url, "valueReference": {"reference": value}}
            for url, value in (
                (ACCOUNTABLE_ORGANIZATION, accountable_organization),
                (PERFORMING_ORGANIZATION, performing_organization),
            )
        ],
        "status": TaskStatus.REQUESTED.value,
        "intent": "order",
        "priority": priority,
        "code": concept(TASK_CODE, task_code),
        "description": description,
        "authoredOn": instant(at),
        "lastModified": instant(at),
        "owner": {"reference": owner},
    }
    if step:
        task["businessStatus"] = concept(BUSINESS_STATUS, step)
    if focus:
        task["focus"] = {"reference": focus}
    if patient:
        task["for"] = {"reference": patient}
    if requester:
        task["requester"] = {"reference": requester}
    if wanted := sorted(roles):
        task["performerType"] = [concept(ROLE, each) for each in wanted]
    if due:
        task["restriction"] = {"period": {"end": instant(due)}}
    return task


def set_reason(task: Task, value: str | None, words: str | None = None) -> None:
    """Set Task.statusReason, or clear it: a reason belongs to the change it was given for."""
    if value is None:
        task.pop("statusReason", None)
    else:
        task["statusReason"] = concept(STATUS_REASON, value, words)


def set_review(task: Task, at: datetime) -> None:
    """Say on the reason of a hold when somebody looks at the work again."""
    task["statusReason"]["extension"] = [{"url": HOLD_REVIEW, "valueDateTime": instant(at)}]


def review_at(task: Mapping[str, Any]) -> datetime | None:
    """Return when work on hold is looked at again."""
    for each in task.get("statusReason", {}).get("extension", ()):
        if each.get("url") == HOLD_REVIEW:
            return datetime.fromisoformat(each["valueDateTime"]).astimezone(UTC)
    return None


def whole_of(task: Mapping[str, Any]) -> str | None:
    """Return the id of the Task that this one is a part of."""
    for each in task.get("partOf", ()):
        kind, _, identity = each.get("reference", "").partition("/")
        if kind == "Task":
            found: str = identity
            return found
    return None


def set_due(task: Task, due: datetime) -> None:
    task["restriction"] = {"period": {"end": instant(due)}}


def set_step(task: Task, step: str) -> None:
    task["businessStatus"] = concept(BUSINESS_STATUS, step)


def add_note(task: Task, actor: Actor, words: str, at: datetime) -> None:
    """Add a note with its author and time."""
    note: dict[str, Any] = {"time": instant(at), "text": words}
    if actor.practitioner:
        note["authorReference"] = {"reference": actor.practitioner}
    else:
        note["authorString"] = actor.display
    task["note"] = [*task.get("note", ()), note]


def set_outcome(task: Task, outcome: str) -> None:
    """Record what came of the work as Task.output."""
    task["output"] = [
        *(each for each in task.get("output", ()) if each.get("type", {}).get("text") != "outcome"),
        {"type": {"text": "outcome"}, "valueCodeableConcept": concept(STATUS_REASON, outcome)},
    ]


def outcome(task: Mapping[str, Any]) -> str | None:
    for each in task.get("output", ()):
        if each.get("type", {}).get("text") == "outcome":
            return code(each, "valueCodeableConcept")
    return None
