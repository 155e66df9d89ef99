"""Operations on a managed Task, for what an update of it cannot say.

Accepting, declining, starting, holding, completing and cancelling are updates of ``Task.status``
under If-Match, claiming and accepting an offer updates of ``Task.owner``. Offering, answering,
delegating, splitting and taking back change more than one thing at once: they stand here, each
under the version that the caller saw.
"""

from collections.abc import Mapping
from typing import Any

from flask import Response

from fhir.outcomes import BadRequestError, ForbiddenError
from hub import records
from hub.api import answers
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import Given, answer, given, of_resource
from hub.auth import current_actor
from hub.domain.actor import Actor, ActorKind
from hub.domain.errors import RuleError
from hub.models.offer import TaskOffer
from hub.queries import offers as offers_query
from hub.services import hand_overs, offers, parts, tasks
from hub.services.parts import Wanted
from hub.transaction import transaction

_VERSION = Parameter("version", "positiveInt", min=1, documentation="The version you saw.")
_ANSWERS = ("accept", "refuse", "withdraw")


@operation(
    Operation(
        "offer",
        "Ask somebody to take an open task; its owner keeps it until they accept. On the type: "
        "several tasks at once, each of which stands for itself.",
        (
            Parameter("version", "positiveInt", documentation="On one task: the version you saw."),
            Parameter("to", "Reference", min=1, documentation="Practitioner/[id] who is asked."),
            Parameter("note", "string", documentation="What they need to know."),
            Parameter(
                "task",
                "",
                max="*",
                documentation="On the type: a task to offer.",
                parts=(
                    Parameter("reference", "Reference", min=1),
                    Parameter("version", "positiveInt", min=1),
                ),
            ),
            Parameter("return", "Task", use="out", max="*", documentation="Each offer as a Task."),
            Parameter("not-offered", "string", use="out", max="*"),
        ),
        type=True,
        instance=True,
        types=("Task",),
        affects_state=True,
    )
)
def offer(_type: str | None, task_id: str | None) -> Response:
    actor, asked = _person(), given()
    to, note = _reference(asked, "to"), asked.text("note")
    if task_id is not None:
        asked.only("version", "to", "note")
        with transaction():
            made = hand_overs.offer(actor, task_id, version=_version(asked), to=to, note=note)
            said = offers.view(made)
        return answers.of_json(said)
    asked.only("to", "note", "task")
    wanted = [_task(each) for each in asked if each.get("name") == "task"]
    if not wanted:
        raise BadRequestError("name at least one task", expression="task")
    with transaction():
        found = hand_overs.offer_many(actor, wanted, to=to, note=note)
        listed: list[Mapping[str, Any]] = [
            {"name": "return", "resource": offers.view(each.offer)}
            if each.offer
            else {"name": "not-offered", "valueString": f"Task/{each.task_id}: {each.why_not}"}
            for each in found
        ]
    return answers.of_json(answer(*listed))


@operation(
    Operation(
        "answer-offer",
        "Answer the open offer of a task: who is asked accepts or refuses, who asks withdraws.",
        (
            Parameter("answer", "code", min=1, documentation="accept, refuse or withdraw."),
            Parameter("reason", "string", documentation="Of a refusal."),
            Parameter("version", "positiveInt", documentation="To accept only what you saw."),
            Parameter("return", "Task", use="out", min=1, documentation="The task, or the offer."),
        ),
        instance=True,
        types=("Task",),
        affects_state=True,
        id="task-answer-offer",
    )
)
def answer_offer(_type: str | None, task_id: str | None) -> Response:
    actor, asked = _person(), given()
    assert task_id is not None
    asked.only("answer", "reason", "version")
    how = asked.needed("answer")
    if how not in _ANSWERS:
        raise RuleError(f"{how} is no answer", field="answer", allowed=_ANSWERS)
    with transaction():
        last = _last_offer(actor, task_id)
        match how:
            case "accept":
                taken = hand_overs.accept(actor, last.id, version=asked.number("version"))
                return answers.of_record(taken)
            case "refuse":
                ended = hand_overs.refuse(actor, last.id, reason=asked.text("reason") or "")
            case _:
                ended = hand_overs.withdraw(actor, last.id)
        said = offers.view(ended)
    return answers.of_json(said)


@operation(
    Operation(
        "offers",
        "List the offers of a task, open and answered, oldest first.",
        (Parameter("return", "Task", use="out", max="*", documentation="Each offer as a Task."),),
        instance=True,
        types=("Task",),
    )
)
def offers_of(_type: str | None, task_id: str | None) -> Response:
    assert task_id is not None
    records.read(current_actor(), "Task", task_id)
    found = offers_query.offers_of(task_id)
    listed = ({"name": "return", "resource": offers.view(each)} for each in found)
    return answers.of_json(answer(*listed))


@operation(
    Operation(
        "delegate",
        "Let somebody do a part of a task. It comes back done or refused; you stay the owner.",
        (
            _VERSION,
            Parameter("to", "Reference", min=1, documentation="Practitioner/[id] who is asked."),
            Parameter("description", "string", min=1, documentation="What the part is."),
            Parameter("minutes", "positiveInt", documentation="Absent: all that are left on it."),
            Parameter("note", "string"),
            Parameter("part", "Task", use="out", min=1),
            Parameter("offer", "Task", use="out", min=1),
        ),
        instance=True,
        types=("Task",),
        affects_state=True,
    )
)
def delegate(_type: str | None, task_id: str | None) -> Response:
    actor, asked = _person(), given()
    assert task_id is not None
    asked.only("version", "to", "description", "minutes", "note")
    with transaction():
        made = parts.delegate(
            actor,
            task_id,
            version=_version(asked),
            to=_reference(asked, "to"),
            description=asked.needed("description"),
            minutes=asked.number("minutes"),
            note=asked.text("note"),
        )
        said = answer(
            {"name": "part", "resource": made.part.resource},
            {"name": "offer", "resource": offers.view(made.offer)},
        )
    return answers.of_json(said)


@operation(
    Operation(
        "split",
        "Divide a task into parts with owners of their own; it closes when all are done.",
        (
            _VERSION,
            Parameter(
                "part",
                "",
                min=2,
                max="12",
                parts=(
                    Parameter("description", "string", min=1),
                    Parameter(
                        "owner",
                        "Reference",
                        documentation="Practitioner who is asked, or CareTeam; absent: you.",
                    ),
                    Parameter("minutes", "positiveInt", documentation="Absent: an equal share."),
                ),
            ),
            Parameter("return", "Task", use="out", min=2, max="12"),
        ),
        instance=True,
        types=("Task",),
        affects_state=True,
    )
)
def split(_type: str | None, task_id: str | None) -> Response:
    actor, asked = _person(), given()
    assert task_id is not None
    asked.only("version", "part")
    wanted = [_part(each) for each in asked if each.get("name") == "part"]
    with transaction():
        made = parts.split(actor, task_id, version=_version(asked), parts=wanted)
        listed = ({"name": "return", "resource": each.resource} for each in made)
        said = answer(*listed)
    return answers.of_json(said)


@operation(
    Operation(
        "call-back",
        "End a part that you gave away, or offered: its minutes go back to your task.",
        (_VERSION, Parameter("return", "Task", use="out", min=1)),
        instance=True,
        types=("Task",),
        affects_state=True,
    )
)
def call_back(_type: str | None, part_id: str | None) -> Response:
    actor, asked = _person(), given()
    assert part_id is not None
    asked.only("version")
    with transaction():
        ended = parts.call_back(actor, part_id, version=_version(asked))
    return answers.of_record(ended)


@operation(
    Operation(
        "undo",
        "Take back a completion of your own within five minutes.",
        (_VERSION, Parameter("return", "Task", use="out", min=1)),
        instance=True,
        types=("Task",),
        affects_state=True,
    )
)
def undo(_type: str | None, task_id: str | None) -> Response:
    actor, asked = _person(), given()
    assert task_id is not None
    asked.only("version")
    with transaction():
        again = tasks.undo(actor, task_id, version=_version(asked))
    return answers.of_record(again)


def _person() -> Actor:
    actor = current_actor()
    if actor.kind is not ActorKind.PERSON:
        raise ForbiddenError("people give work to each other: use a person's token")
    return actor


def _version(asked: Given) -> int:
    version = asked.number("version")
    if version is None:
        raise BadRequestError(
            "name the version you saw: version, valuePositiveInt", expression="version"
        )
    return version


def _reference(asked: Given, name: str) -> str:
    found = asked.value(name, "reference", "string")
    if isinstance(found, dict):
        found = found.get("reference")
    if not isinstance(found, str) or not found:
        raise BadRequestError(
            f"name {name}: valueReference with a reference", expression=name, code="required"
        )
    return found


def _parts_of(listed: Mapping[str, Any]) -> Given:
    return Given(of_resource({"resourceType": "Parameters", "parameter": listed.get("part", [])}))


def _task(listed: Mapping[str, Any]) -> tuple[str, int]:
    inner = _parts_of(listed)
    kind, _, identity = _reference(inner, "reference").partition("/")
    if kind != "Task" or not identity:
        raise BadRequestError("a task is named Task/[id]", expression="task")
    return identity, _version(inner)


def _part(listed: Mapping[str, Any]) -> Wanted:
    inner = _parts_of(listed)
    return Wanted(
        description=inner.needed("description"),
        owner=_reference(inner, "owner") if "owner" in inner else None,
        minutes=inner.number("minutes"),
    )


def _last_offer(actor: Actor, task_id: str) -> TaskOffer:
    """Return the last offer of a task; the service says how it ended, to those who may know."""
    found = offers_query.offers_of(task_id)
    if not found:
        records.read(actor, "Task", task_id)
        raise RuleError("this task is not offered to anybody", field="answer")
    return found[-1]
