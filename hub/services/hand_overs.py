"""Handing work over: offered, accepted. The old owner keeps it until the other accepts.

An offer ends once: accepted, refused, withdrawn, expired, or lapsed because the task was closed
or went to somebody else meanwhile. Other changes of the task leave it standing. Whoever answers
holds the Task first: of two answers, or of an answer and a completion, one wins and the other is
told what came before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fhir.outcomes import NotFoundError, VersionConflictError
from hub import records
from hub.clock import now
from hub.db import db
from hub.domain import offer as rules
from hub.domain import task_states
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.offer import Answer, OfferKind
from hub.domain.task_states import Party, TaskStatus
from hub.models.offer import TaskOffer
from hub.queries import offers as offers_query
from hub.records.ids import new_id
from hub.records.record import Record
from hub.services import definitions, offers, task_content
from hub.services.guards.tasks import facts
from hub.services.task_versions import check_takes_work, locked, name_of, write

_HUB = hub_actor("tasks")

LONGEST_NOTE = 4000


@dataclass(frozen=True, slots=True)
class Offered:
    """What became of one task of several that were offered together."""

    task_id: str
    offer: TaskOffer | None
    why_not: str = ""


def offer(
    actor: Actor,
    task_id: str,
    *,
    version: int,
    to: str,
    note: str | None = None,
    kind: OfferKind = OfferKind.HANDOVER,
) -> TaskOffer:
    """Ask ``to`` (``Practitioner/x``) to take an open task; its owner does not change.

    The owner offers it, or anyone on duty in the owning team: so a coordinator gives what waits
    in the pool to somebody by name. Raises RuleError (field ``to``), NotPermittedError,
    StateError, VersionConflictError.
    """
    return offer_locked(actor, locked(actor, task_id, version), to=to, note=note, kind=kind)


def offer_locked(
    actor: Actor, record: Record, *, to: str, note: str | None = None, kind: OfferKind
) -> TaskOffer:
    """Offer a task that is locked already."""
    task = record.resource
    if actor.practitioner is None:
        raise NotPermittedError("only a person offers work to somebody", field="owner")
    known = facts(task, actor=actor)
    if Party.OWNER not in task_states.parties(actor, known):
        raise NotPermittedError(
            f"{actor.display} may not offer this task: it belongs to {known.owner}",
            allowed=[known.owner],
        )
    if not task_content.is_open(task):
        raise StateError(f"a task that is {task['status']} is not offered", field="status")
    if to == known.owner:
        raise RuleError(f"{name_of(to)} has this task already", field="to")
    if to == actor.practitioner:
        raise RuleError("take it yourself: nobody offers work to themselves", field="to")
    check_takes_work(to)
    if note and len(note) > LONGEST_NOTE:
        raise RuleError(f"a note has no more than {LONGEST_NOTE} characters", field="note")
    if known.offered_to is not None:
        raise StateError(
            f"{name_of(known.offered_to)} is asked already: wait, or withdraw that offer first",
            field="to",
        )
    made = TaskOffer(
        id=new_id(),
        task_id=record.id,
        kind=kind.value,
        giver=actor.practitioner,
        owner=known.owner,
        taker=to,
        note=note or "",
        offered_at=now(),
        expires_at=rules.expires_at(
            definitions.current().work,
            urgent=task_content.is_urgent(task),
            now=now(),
            due_at=task_content.due_at(task),
        ),
    )
    offers.keep(made, task)
    records.audit.record(actor, "task-offered", record.reference, {"to": to, "offer": made.id})
    return made


def offer_many(
    actor: Actor, tasks: Sequence[tuple[str, int]], *, to: str, note: str | None = None
) -> list[Offered]:
    """Offer several tasks to one person, as at the end of a shift; each stands for itself.

    ``tasks`` are (id, version). One that cannot be offered is named with its reason and keeps
    its owner; the others are offered. Raises RuleError where ``to`` can take nothing.
    """
    check_takes_work(to)
    found = []
    # In one order, so that two batches that share tasks wait for each other instead of locking up.
    for task_id, version in sorted(set(tasks)):
        try:
            made = offer(actor, task_id, version=version, to=to, note=note)
            found.append(Offered(task_id, made))
        except VersionConflictError:
            found.append(Offered(task_id, None, "somebody else changed it meanwhile"))
        except (RuleError, NotFoundError) as refusal:
            found.append(Offered(task_id, None, refusal.text))
    return found


def accept(actor: Actor, offer_id: str, *, version: int | None = None) -> Record:
    """Take what was offered: the actor becomes the owner, and the task is accepted.

    ``version`` of the Task that the actor saw may be given; without it the offer counts as long
    as the task is open and with the same owner.
    """
    made, held = _to_answer(actor, offer_id)
    if actor.practitioner != made.taker:
        raise NotPermittedError(f"{name_of(made.taker)} is asked", field="answer")
    if version is not None and version != held.version:
        raise VersionConflictError(held.reference, current=held.version, given=version)
    task = held.resource
    task["owner"] = {"reference": made.taker}
    # The follower of Task versions ends the offer: also where it is accepted by a plain update.
    return write(actor, held, task, TaskStatus.ACCEPTED, reason=made.kind, words=made.note or None)


def refuse(actor: Actor, offer_id: str, *, reason: str) -> TaskOffer:
    """Say no to an offer, with the reason; the owner has the task still and is told."""
    if not reason.strip():
        raise RuleError("say why you cannot take it", field="reason")
    made, held = _to_answer(actor, offer_id)
    if actor.practitioner != made.taker:
        raise NotPermittedError(f"{name_of(made.taker)} is asked", field="answer")
    made.reason = reason
    return _not_taken(actor, made, held, Answer.REFUSED)


def withdraw(actor: Actor, offer_id: str) -> TaskOffer:
    """Take an offer back: who made it, the owner, or their team on duty."""
    made, held = _to_answer(actor, offer_id)
    known = facts(held.resource, actor=actor)
    if actor.practitioner != made.giver and Party.OWNER not in task_states.parties(actor, known):
        raise NotPermittedError(f"{name_of(made.giver)} made this offer", field="answer")
    return _not_taken(actor, made, held, Answer.WITHDRAWN)


def expire(offer_id: str) -> TaskOffer | None:
    """End an offer whose time is over; None where it was answered, or is not due."""
    made = db.session.get(TaskOffer, offer_id)
    if made is None:
        return None
    held = records.lock(_HUB, "Task", made.task_id)
    made = offers_query.open_offer(made.task_id, locked=True)
    if made is None or made.id != offer_id or made.expires_at > now():
        return None
    return _not_taken(_HUB, made, held, Answer.EXPIRED)


def _to_answer(actor: Actor, offer_id: str) -> tuple[TaskOffer, Record]:
    """Return an open offer, its Task locked first; say how it ended where it has."""
    made = db.session.get(TaskOffer, offer_id)
    if made is None:
        raise NotFoundError(f"there is no offer {offer_id}")
    if actor.practitioner not in {made.taker, made.giver, made.owner}:
        # Whether a task was offered to somebody is nobody's business who may not see the task.
        records.read(actor, "Task", made.task_id)
    # As the hub: once an offer has ended the person may be hidden from who was asked, and they
    # must still hear that it is over.
    held = records.lock(_HUB, "Task", made.task_id)
    db.session.refresh(made, with_for_update=True)
    if made.answered_at is not None:
        raise StateError(_how_it_ended(made, held), field="answer")
    if made.expires_at <= now():
        raise StateError("the time to answer this offer is over", field="answer")
    return made, held


def _how_it_ended(made: TaskOffer, held: Record) -> str:
    match Answer(made.answer or Answer.LAPSED):
        case Answer.ACCEPTED:
            return f"{name_of(made.taker)} has accepted this offer already"
        case Answer.REFUSED:
            return f"{name_of(made.taker)} has refused this offer already"
        case Answer.WITHDRAWN:
            return f"this offer was withdrawn by {name_of(made.answered_by or made.giver)}"
        case Answer.EXPIRED:
            return "the time to answer this offer is over"
        case Answer.LAPSED:
            owner = name_of(task_content.owner(held.resource))
            if task_content.is_open(held.resource):
                return f"this offer has lapsed: {owner} has the task now"
            return f"this offer has lapsed: the task is {held['status']}, by {owner}"


def _not_taken(actor: Actor, made: TaskOffer, held: Record, answer: Answer) -> TaskOffer:
    """End an offer that was not taken; a delegated part ends with it and comes back."""
    offers.end(made, answer, actor, held.resource)
    records.audit.record(
        actor, "task-offer-ended", held.reference, {"offer": made.id, "answer": answer.value}
    )
    if made.kind == OfferKind.DELEGATION:
        write(
            _HUB,
            held,
            held.resource,
            TaskStatus.CANCELLED,
            reason="came-back",
            words=made.reason or answer.value,
        )
    return made
