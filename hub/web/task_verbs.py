"""What can be done with one task from its page or from a line of a list."""

from collections.abc import Callable, Mapping
from datetime import datetime

from hub.domain.actor import Actor
from hub.services import hand_overs, parts, tasks
from hub.services.parts import Wanted
from hub.web.forms import Filled
from hub.web.forms.giving import AnswerForm, DelegateForm, RefuseForm, SplitForm
from hub.web.forms.reading import PageForm
from hub.web.forms.work import CompleteForm, DeclineForm, HandOverForm, HoldForm, VerbForm
from hub.web.presenters import words

DONE = {
    "claim": "You have taken this on.",
    "accept": "You have accepted this.",
    "start": "Started.",
    "resume": "Taken up again.",
    "hold": "Put aside until then.",
    "decline": "Given back. Somebody else is being found now.",
    "hand-over": "Offered. It stays with you until they accept.",
    "accept-offer": "You have taken this over.",
    "refuse-offer": "Refused. It stays with who asked you, and they are told.",
    "withdraw-offer": "The offer is withdrawn.",
    "delegate": "Offered as a part. You keep the task, and hear when the part is done.",
    "split": "Split. The task closes when all of its parts are done.",
    "call-back": "Called back. Its minutes are yours again.",
    "complete": "Completed.",
    "acknowledge": "Acknowledged. The clock runs on.",
    "undo": "Taken back. The task is with you again.",
}
LEAVES_ME = frozenset({"decline", "complete", "refuse-offer"})
"""After these there is nothing more to do on the task's page."""


def _claim(actor: Actor, task_id: str, form: Filled) -> None:
    tasks.claim(actor, task_id, version=form.values["version"])


def _accept(actor: Actor, task_id: str, form: Filled) -> None:
    tasks.accept(actor, task_id, version=form.values["version"])


def _start(actor: Actor, task_id: str, form: Filled) -> None:
    tasks.start(actor, task_id, version=form.values["version"])


def _resume(actor: Actor, task_id: str, form: Filled) -> None:
    tasks.resume(actor, task_id, version=form.values["version"])


def _undo(actor: Actor, task_id: str, form: Filled) -> None:
    tasks.undo(actor, task_id, version=form.values["version"])


def _decline(actor: Actor, task_id: str, form: Filled) -> None:
    sent = form.values
    tasks.decline(
        actor,
        task_id,
        version=sent["version"],
        reason=sent["reason"],
        note=sent["note"] or None,
    )


def _hand_over(actor: Actor, task_id: str, form: Filled) -> None:
    sent = form.values
    hand_overs.offer(
        actor, task_id, version=sent["version"], to=sent["to"], note=sent["note"] or None
    )


def _accept_offer(actor: Actor, _task_id: str, form: Filled) -> None:
    hand_overs.accept(actor, form.values["offer"])


def _refuse_offer(actor: Actor, _task_id: str, form: Filled) -> None:
    hand_overs.refuse(actor, form.values["offer"], reason=form.values["refuse_reason"])


def _withdraw_offer(actor: Actor, _task_id: str, form: Filled) -> None:
    hand_overs.withdraw(actor, form.values["offer"])


def _delegate(actor: Actor, task_id: str, form: Filled) -> None:
    sent = form.values
    parts.delegate(
        actor,
        task_id,
        version=sent["version"],
        to=sent["delegate_to"],
        description=sent["part"],
        minutes=sent["part_minutes"],
        note=sent["note"] or None,
    )


def _split(actor: Actor, task_id: str, form: Filled) -> None:
    wanted = [Wanted(words_, owner, minutes) for words_, owner, minutes in form.values["rows"]]
    parts.split(actor, task_id, version=form.values["version"], parts=wanted)


def _call_back(actor: Actor, part_id: str, form: Filled) -> None:
    parts.call_back(actor, part_id, version=form.values["version"])


def _hold(actor: Actor, task_id: str, form: Filled) -> None:
    sent = form.values
    tasks.hold(
        actor,
        task_id,
        version=sent["version"],
        reason=sent["hold_reason"],
        review_at=datetime.combine(sent["review_on"], sent["review_time"], words.LONDON),
    )


def _complete(actor: Actor, task_id: str, form: Filled) -> None:
    sent = form.values
    tasks.complete(
        actor,
        task_id,
        version=sent["version"],
        outcome=sent["outcome"],
        note=sent["note"] or None,
    )


VERBS: Mapping[str, tuple[type[PageForm], Callable[[Actor, str, Filled], None]]] = {
    "claim": (VerbForm, _claim),
    "accept": (VerbForm, _accept),
    "start": (VerbForm, _start),
    "resume": (VerbForm, _resume),
    "decline": (DeclineForm, _decline),
    "hand-over": (HandOverForm, _hand_over),
    "accept-offer": (AnswerForm, _accept_offer),
    "refuse-offer": (RefuseForm, _refuse_offer),
    "withdraw-offer": (AnswerForm, _withdraw_offer),
    "delegate": (DelegateForm, _delegate),
    "split": (SplitForm, _split),
    "call-back": (VerbForm, _call_back),
    "hold": (HoldForm, _hold),
    "complete": (CompleteForm, _complete),
    "undo": (VerbForm, _undo),
}
