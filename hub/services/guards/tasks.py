"""Managed Tasks: an owner at every instant, both organisations, the transitions of the table.

Source: behaviour, point 12; the care model, section 2 ("every task carries the organisation that
performs it and the organisation that is accountable for it").
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from fhir.systems import ACCOUNTABLE_ORGANIZATION, HOLD_REVIEW, PERFORMING_ORGANIZATION
from hub import clock, records
from hub.db import db
from hub.domain import parts, task_states
from hub.domain.actor import Actor, ActorKind
from hub.domain.errors import RuleError, StateError
from hub.domain.referral import WAITING, TriageOutcome
from hub.domain.task_states import OPEN, TaskFacts, TaskStatus
from hub.models.assignment import Assignment
from hub.queries import offers as offers_query
from hub.queries import parts as parts_query
from hub.records.guards import Change
from hub.services import task_content

#: What a task is about and for whom does not change under its owner.
_FIXED = ("intent", "for", "authoredOn", "requester", "partOf")

#: A referral whose triage ends in any other way is lost: nobody has it and nobody is told.
_ANSWERS = frozenset(TriageOutcome) - {TriageOutcome.ASKED}


def keep_all(actor: Actor, changes: Sequence[Change]) -> None:
    """Judge many Tasks of one write by the same table, with one look at the rows."""
    ids = {task["id"] for old, new in changes if (task := new or old)}
    rows = db.session.execute(
        select(Assignment.task_id, Assignment.team).where(
            Assignment.task_id.in_(ids), Assignment.ends_at.is_(None)
        )
    )
    teams = {row.task_id: row.team for row in rows}
    for old, new in changes:
        _judge(actor, old, new, lambda task: teams.get(task["id"]))


@records.guard("Task", many=keep_all)
def keep_the_table(
    actor: Actor, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> None:
    """Refuse a Task that nobody owns, or a move that the table does not have."""
    _judge(actor, old, new, lambda task: _team(task.get("id")))


def _judge(
    actor: Actor,
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
    team_of: Callable[[Mapping[str, Any]], str | None],
) -> None:
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
    if status is TaskStatus.ON_HOLD and _status(old) is not status:
        _check_hold(new)
    if _code(new, "code") == "triage":
        _check_answered(old, new)
    task_states.check_change(
        actor,
        _facts(old, team_of(old), actor, status),
        status=status,
        owner=owner,
        now=clock.now(),
        cause=_cause(new),
    )


def facts(task: Mapping[str, Any], *, actor: Actor, target: TaskStatus | None = None) -> TaskFacts:
    """Return what the rules look at in a managed Task; ``target`` is the status it shall have."""
    return _facts(task, _team(task.get("id")), actor, target)


def _facts(
    task: Mapping[str, Any], team: str | None, actor: Actor, target: TaskStatus | None
) -> TaskFacts:
    """Look at rows beside the task only where a rule asks: most writes are the hub's own."""
    owner = _owner(task)
    task_id: str | None = task.get("id")
    status = _status(task)
    person = actor.kind is ActorKind.PERSON
    ends = target in {TaskStatus.COMPLETED, TaskStatus.FAILED} and status is not target
    reopens = status is TaskStatus.COMPLETED and target is TaskStatus.IN_PROGRESS
    ended_by, ended_at = _finish(task_id) if status is TaskStatus.COMPLETED else (None, None)
    beside = parts_query.parts_of(task_id) if task_id and (ends or reopens) else []
    return TaskFacts(
        team=team,
        status=status,
        owner=owner,
        requester=task.get("requester", {}).get("reference"),
        accountable_organization=_organization(task, ACCOUNTABLE_ORGANIZATION),
        author=task.get("requester", {}).get("reference"),
        finished_at=ended_at,
        finished_by=ended_by,
        offered_to=offers_query.taker_of(task_id) if person and status in OPEN else None,
        whole_owner=parts_query.owner_of(_whole(task)) if person and "partOf" in task else None,
        open_parts=sum(1 for each in beside if each.is_open),
        parts_are_done=parts.are_done((each.kind, each.status) for each in beside),
    )


def _finish(task_id: str | None) -> tuple[str | None, datetime | None]:
    """Return who ended the last spell and when: what the record says could be written anew."""
    found = db.session.execute(
        select(Assignment.ended_by, Assignment.ends_at)
        .where(Assignment.task_id == task_id, Assignment.ends_at.is_not(None))
        .order_by(Assignment.starts_at.desc(), Assignment.id.desc())
        .limit(1)
    ).one_or_none()
    return (found.ended_by, found.ends_at) if found else (None, None)


def _whole(task: Mapping[str, Any]) -> str | None:
    references = [str(each.get("reference", "")) for each in task.get("partOf", ())]
    return next((each[5:] for each in references if each.startswith("Task/")), None)


def _check_hold(new: Mapping[str, Any]) -> None:
    """Refuse a hold that does not say why, or not when somebody looks at the work again."""
    if not _cause(new):
        raise RuleError("a hold has a coded reason", field="statusReason")
    review_at = task_content.review_at(new)
    if review_at is None or review_at <= clock.now():
        raise RuleError(
            "a hold says when somebody looks again, and that lies ahead: "
            f"statusReason.extension {HOLD_REVIEW} with valueDateTime",
            field="statusReason",
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
