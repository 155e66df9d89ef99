"""The rows of offers: opened, ended once, followed by whatever becomes of the Task.

An offer changes nothing of the Task: its owner stays the owner until the other accepts. Who is
asked may look at the person's record until they have answered.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from fhir.systems import OFFER_ANSWER, OFFER_KIND
from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.offer import Answer, OfferKind
from hub.models.offer import TaskOffer
from hub.queries import offers as offers_query
from hub.records.guards import Change
from hub.records.record import Record
from hub.records.relationships import OFFERED_WORK
from hub.records.tables import RELATIONSHIPS
from hub.services import notices, task_content
from hub.services.task_content import Task
from hub.services.task_versions import name_of

_GIVING = {
    Answer.ACCEPTED: "{taker} has accepted the task offered to them",
    Answer.REFUSED: "{taker} cannot take the task offered to them: it stays with you",
    Answer.WITHDRAWN: "{actor} no longer offers the task to {taker}",
    Answer.EXPIRED: "{taker} has not answered in time: the task stays with you",
    Answer.LAPSED: "The offer to {taker} has lapsed: the task has ended or moved",
}
_TAKING = {
    Answer.WITHDRAWN: "{actor} no longer asks you to take a task",
    Answer.EXPIRED: "An offer to you has ended without your answer",
    Answer.LAPSED: "An offer to you has lapsed: the task has ended or moved",
}
_STATUSES = {
    Answer.ACCEPTED: "accepted",
    Answer.REFUSED: "rejected",
    Answer.WITHDRAWN: "cancelled",
    Answer.EXPIRED: "failed",
    Answer.LAPSED: "cancelled",
}


def keep(offer: TaskOffer, task: Task) -> None:
    """Write an open offer, let its taker look, tell the other side, and set its end."""
    db.session.add(offer)
    db.session.flush()
    show(offer.task_id, task_content.reference(task, "for"), offer.taker)
    records.outbox.emit(
        "TaskOfferExpires",
        subject=f"Task/{offer.task_id}",
        payload={"offer": offer.id},
        due_at=offer.expires_at,
    )
    giver, taker = name_of(offer.giver), name_of(offer.taker)
    part = " for a part of their work" if offer.kind == OfferKind.DELEGATION else ""
    _notices(offer, "offered", {offer.taker}, f"{giver} asks you{part}: accept or refuse", task)
    beside = {offer.owner} - {offer.giver}
    _notices(offer, "offered", beside, f"{giver} has offered the task to {taker}", task)


def end(offer: TaskOffer, answer: Answer, actor: Actor, task: Task) -> None:
    """End an offer that is locked and open, and tell both sides, each once."""
    offer.answered_at = clock.now()
    offer.answer = answer.value
    offer.answered_by = actor.practitioner or actor.id
    db.session.flush()
    hide(offer.task_id)
    names = {"taker": name_of(offer.taker), "actor": actor.display}
    me = {actor.practitioner or ""}
    giving = {offer.giver, offer.owner} - {offer.taker} - me
    _notices(offer, answer, giving, _GIVING[answer].format(**names), task)
    if answer in _TAKING:
        _notices(offer, answer, {offer.taker} - me, _TAKING[answer].format(**names), task)


def follow_all(actor: Actor, changes: Sequence[Change]) -> dict[str, TaskOffer]:
    """Let open offers follow the versions about to be written, with one look for all of them.

    Returns the offers that a version accepts, by the id of their Task.
    """
    moved = {
        old["id"]: (old, new)
        for old, new in changes
        if old is not None and (new is None or _ends_or_moves(old, new))
    }
    taken = {}
    for offer in offers_query.open_of(sorted(moved), locked=True).values():
        old, new = moved[offer.task_id]
        after = task_content.owner(new) if new is not None and task_content.is_open(new) else None
        if after == offer.taker == actor.practitioner:
            end(offer, Answer.ACCEPTED, actor, old)
            taken[offer.task_id] = offer
        else:
            end(offer, Answer.LAPSED, actor, old)
    return taken


def _ends_or_moves(old: Task, new: Task) -> bool:
    return not task_content.is_open(new) or task_content.owner(old) != task_content.owner(new)


def show(task_id: str, patient: str | None, party: str) -> None:
    """Let somebody see the person whom a task is for."""
    if patient and patient.startswith("Patient/"):
        db.session.execute(
            insert(RELATIONSHIPS)
            .values(
                source=f"Task/{task_id}",
                patient_id=patient.removeprefix("Patient/"),
                party=party,
                basis=OFFERED_WORK,
            )
            .on_conflict_do_nothing()
        )


def hide(task_id: str) -> None:
    db.session.execute(
        delete(RELATIONSHIPS).where(
            RELATIONSHIPS.c.source == f"Task/{task_id}", RELATIONSHIPS.c.basis == OFFERED_WORK
        )
    )


@contextmanager
def opened(actor: Actor, task: Record) -> Iterator[None]:
    """Let the actor write one version of a task that they just finished, and no longer see."""
    if actor.practitioner is None:
        yield
        return
    show(task.id, task_content.reference(task.resource, "for"), actor.practitioner)
    yield
    hide(task.id)


def view(offer: TaskOffer) -> dict[str, Any]:
    """Return an offer as a FHIR Task of its own that is kept nowhere: a proposal about the task.

    ``focus`` is the task, ``requester`` who offers it, ``owner`` who is asked.
    """
    made: dict[str, Any] = {
        "resourceType": "Task",
        "id": offer.id,
        "status": _STATUSES[Answer(offer.answer)] if offer.answer else "requested",
        "intent": "proposal",
        "code": task_content.concept(OFFER_KIND, offer.kind),
        "focus": {"reference": f"Task/{offer.task_id}"},
        "authoredOn": records.instant(offer.offered_at),
        "lastModified": records.instant(offer.answered_at or offer.offered_at),
        "requester": {"reference": offer.giver},
        "owner": {"reference": offer.taker},
        "restriction": {"period": {"end": records.instant(offer.expires_at)}},
    }
    if offer.answer:
        made["statusReason"] = task_content.concept(OFFER_ANSWER, offer.answer, offer.reason)
    if offer.note:
        made["note"] = [{"authorReference": {"reference": offer.giver}, "text": offer.note}]
    return made


def _notices(offer: TaskOffer, what: str, who: set[str], line: str, task: Task) -> None:
    notices.tell(
        who,
        kind="TaskOffered" if what == "offered" else "TaskOfferEnded",
        subject=f"Task/{offer.task_id}",
        line=f"{line} ({task_content.code(task) or 'task'})",
        key=f"TaskOffer/{offer.id}/{what}",
        urgent=task_content.is_urgent(task) and what in {"offered", Answer.REFUSED, Answer.EXPIRED},
    )
