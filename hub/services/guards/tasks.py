"""Managed Tasks: an owner at every instant, both organisations, the transitions of the table.

Source: behaviour, point 12; the care model, section 2 ("every task carries the organisation that
performs it and the organisation that is accountable for it").
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from fhir.systems import ACCOUNTABLE_ORGANIZATION, PERFORMING_ORGANIZATION
from hub import clock, records
from hub.db import db
from hub.domain import task_states
from hub.domain.actor import Actor
from hub.domain.errors import RuleError, StateError
from hub.domain.referral import WAITING, TriageOutcome
from hub.domain.task_states import OPEN, TaskFacts, TaskStatus
from hub.models.assignment import Assignment

#: What a task is about and for whom does not change under its owner.
_FIXED = ("intent", "for", "authoredOn", "requester")

#: A referral whose triage ends in any other way is lost: nobody has it and nobody is told.
_ANSWERS = frozenset(TriageOutcome) - {TriageOutcome.ASKED}


@records.guard("Task")
def keep_the_table(
    actor: Actor, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> None:
    """Refuse a Task that nobody owns, or a move that the table does not have."""
    if new is None:
        raise StateError("a task is cancelled or entered in error, never deleted", field="status")
    status = _status(new)
    owner = _owner(new)
    _check_organizations(new)
    if old is None:
        if status is not TaskStatus.REQUESTED:
            raise StateError(
                "a task starts as requested", field="status", allowed=[TaskStatus.REQUESTED]
            )
        return
    for element in _FIXED:
        if old.get(element) != new.get(element):
            raise RuleError(f"the {element} of a task does not change", field=element)
    if _code(new, "code") == "triage":
        _check_answered(old, new)
    task_states.check_change(
        actor, facts(old), status=status, owner=owner, now=clock.now(), cause=_cause(new)
    )


def facts(task: Mapping[str, Any]) -> TaskFacts:
    """Return what the rules look at in a managed Task."""
    ended = task.get("executionPeriod", {}).get("end")
    owner = _owner(task)
    return TaskFacts(
        team=_team(task.get("id")),
        status=_status(task),
        owner=owner,
        requester=task.get("requester", {}).get("reference"),
        accountable_organization=_organization(task, ACCOUNTABLE_ORGANIZATION),
        author=task.get("requester", {}).get("reference"),
        finished_at=datetime.fromisoformat(ended) if ended else None,
        finished_by=owner,
    )


def _check_answered(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse a triage that ends without an answer, and one that is taken up after its answer."""
    step = _code(new, "businessStatus")
    answered = step in _ANSWERS
    status = _status(new)
    if status not in OPEN and status is not TaskStatus.REJECTED and not answered:
        raise StateError(
            "a triage ends with an answer: accept, redirect, decline or withdraw the referral",
            field="businessStatus",
            allowed=sorted(_ANSWERS),
        )
    if status in OPEN and _status(old) in {TaskStatus.COMPLETED, TaskStatus.CANCELLED}:
        raise StateError("what triage has answered is not taken back", field="status")
    if status in OPEN and step != _code(old, "businessStatus") and step not in WAITING:
        raise StateError(
            "an open triage has no answer yet", field="businessStatus", allowed=WAITING
        )


def _team(task_id: str | None) -> str | None:
    """Return the team whose work the task is, as the rows say before this write."""
    return db.session.scalar(
        select(Assignment.team).where(Assignment.task_id == task_id, Assignment.ends_at.is_(None))
    )


def _status(task: Mapping[str, Any]) -> TaskStatus:
    try:
        return TaskStatus(task["status"])
    except ValueError:
        raise RuleError(
            f"a managed task is never {task['status']}", field="status", allowed=list(TaskStatus)
        ) from None


def _owner(task: Mapping[str, Any]) -> str:
    owner: str = task.get("owner", {}).get("reference", "")
    if not owner.startswith(("Practitioner/", "CareTeam/")):
        raise RuleError(
            "a task is never without an owner: a named person or a team's pool",
            field="owner",
            allowed=["Practitioner/<id>", "CareTeam/<id>"],
        )
    return owner


def _check_organizations(task: Mapping[str, Any]) -> None:
    for url, words in (
        (PERFORMING_ORGANIZATION, "performs"),
        (ACCOUNTABLE_ORGANIZATION, "is accountable for"),
    ):
        if not (_organization(task, url) or "").startswith("Organization/"):
            raise RuleError(f"a task names the organisation that {words} it", field="extension")


def _organization(task: Mapping[str, Any], url: str) -> str | None:
    return next(
        (
            each.get("valueReference", {}).get("reference")
            for each in task.get("extension", ())
            if each.get("url") == url
        ),
        None,
    )


def _cause(task: Mapping[str, Any]) -> str | None:
    return _code(task, "statusReason")


def _code(task: Mapping[str, Any], element: str) -> str | None:
    codings = task.get(element, {}).get("coding") or [{}]
    found: str | None = codings[0].get("code")
    return found
