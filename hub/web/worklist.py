"""My work: what I have, what my teams have for anybody to take, and the page of one task."""

from collections.abc import Callable, Mapping
from datetime import datetime, time

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from fhir.outcomes import VersionConflictError
from hub import clock, records
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.queries import person as person_query
from hub.queries import worklist as worklist_query
from hub.queries.worklist import WorkKey
from hub.services import task_content, tasks
from hub.transaction import transaction
from hub.web import directory, live, marks
from hub.web.forms import Filled, fill
from hub.web.forms.reading import PageForm
from hub.web.forms.work import CompleteForm, DeclineForm, HandOverForm, HoldForm, VerbForm
from hub.web.presenters import alerts, people, words
from hub.web.presenters import referrals as referral_words
from hub.web.presenters import tasks as task_words
from hub.web.presenters.tasks import TaskLine
from hub.web.rendering import fragment, page
from hub.web.site import blueprint

_CONTEXT_TYPES = ("Flag", "AllergyIntolerance", "ServiceRequest", "CarePlan")
_REVIEW_HOUR = time(9)
"""Work put aside until a day comes back when that day's work begins."""

_DONE = {
    "claim": "You have taken this on.",
    "accept": "You have accepted this.",
    "start": "Started.",
    "resume": "Taken up again.",
    "hold": "Put aside until the day you gave.",
    "decline": "Given back. Somebody else is being found now.",
    "hand-over": "Handed over. It is theirs to accept.",
    "complete": "Completed.",
}


@blueprint.get("/worklist")
def worklist_page() -> Response:
    actor = current_actor()
    return page(
        "worklist/worklist.html",
        done=_DONE.get(request.args.get("done", "")),
        address=live.here("/worklist/rows"),
        **_list(actor),
    )


@blueprint.get("/worklist/rows")
def worklist_rows() -> Response:
    """The live part of the list: 304 unless work or the passing of time changed it."""
    actor = current_actor()
    found = worklist_query.keys(actor)
    etag = _etag(found)
    return live.unchanged(etag) or fragment("worklist/_rows.html", etag, _list(actor, found))


def _etag(found: list[WorkKey]) -> str:
    now = clock.now()
    return marks.mark(
        (each.id, each.version, words.time_left(each.due_at, now).words) for each in found
    )


def _list(actor: Actor, found: list[WorkKey] | None = None) -> dict[str, object]:
    now = clock.now()
    keys = worklist_query.keys(actor) if found is None else found
    lines = [
        task_words.line(each.task, now, patient=each.patient, why=each.why, me=actor.practitioner)
        for each in worklist_query.work(actor)
    ]
    records.spool.looked(actor, "page", "worklist")
    mine = [each for each in lines if each.mine]
    groups = [
        ("New for you", "new", [each for each in mine if each.status in {"requested", "received"}]),
        ("Late", "late", [each for each in _going(mine) if each.clock.tone == "late"]),
        ("Today", "today", [each for each in _going(mine) if each.clock.tone in {"soon", "today"}]),
        ("Later", "later", [each for each in _going(mine) if each.clock.tone in {"later", "none"}]),
        ("On hold", "hold", [each for each in mine if each.status == "on-hold"]),
        ("For anybody in your team", "pool", [each for each in lines if each.pool]),
    ]
    return {
        "groups": [(title, code, rows) for title, code, rows in groups if rows],
        "mine": len(mine),
        "late": sum(1 for each in mine if each.clock.tone == "late"),
        "etag": f'"{_etag(keys)}"',
    }


def _going(lines: list[TaskLine]) -> list[TaskLine]:
    return [each for each in lines if each.status in {"accepted", "ready", "in-progress"}]


@blueprint.get("/worklist/<task_id>")
def task_page(task_id: str) -> Response:
    return _task(task_id)


def _claim(actor: Actor, task_id: str, form: Filled) -> None:
    tasks.claim(actor, task_id, version=form.values["version"])


def _accept(actor: Actor, task_id: str, form: Filled) -> None:
    tasks.accept(actor, task_id, version=form.values["version"])


def _start(actor: Actor, task_id: str, form: Filled) -> None:
    tasks.start(actor, task_id, version=form.values["version"])


def _resume(actor: Actor, task_id: str, form: Filled) -> None:
    tasks.resume(actor, task_id, version=form.values["version"])


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
    tasks.hand_over(
        actor, task_id, version=sent["version"], to=sent["to"], note=sent["note"] or None
    )


def _hold(actor: Actor, task_id: str, form: Filled) -> None:
    sent = form.values
    tasks.hold(
        actor,
        task_id,
        version=sent["version"],
        reason=sent["hold_reason"],
        review_at=datetime.combine(sent["review_on"], _REVIEW_HOUR, words.LONDON),
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


_VERBS: Mapping[str, tuple[type[PageForm], Callable[[Actor, str, Filled], None]]] = {
    "claim": (VerbForm, _claim),
    "accept": (VerbForm, _accept),
    "start": (VerbForm, _start),
    "resume": (VerbForm, _resume),
    "decline": (DeclineForm, _decline),
    "hand-over": (HandOverForm, _hand_over),
    "hold": (HoldForm, _hold),
    "complete": (CompleteForm, _complete),
}
_LEAVES_ME = frozenset({"decline", "hand-over", "complete"})


@blueprint.post("/worklist/<task_id>/<verb>")
def do_task(task_id: str, verb: str) -> Response | BaseResponse:
    if verb not in _VERBS:
        raise NotFound
    schema, act = _VERBS[verb]
    form = fill(schema, request.form)
    if not form.is_right:
        return _task(task_id, form, verb, 422)
    try:
        with transaction():
            act(current_actor(), task_id, form)
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        return _task(task_id, Filled({}, form.given, {"verb": f"{error.text}."}), verb, 409)
    except VersionConflictError:
        told = "Somebody else changed this task: look again. Your words are kept."
        return _task(task_id, Filled({}, form.given, {"verb": told}), verb, 409)
    if verb in _LEAVES_ME or request.form.get("back") == "list":
        return redirect(f"/worklist?done={verb}", code=303)
    return redirect(f"/worklist/{task_id}?done={verb}", code=303)


def _task(task_id: str, form: Filled | None = None, verb: str = "", status: int = 200) -> Response:
    actor = current_actor()
    now = clock.now()
    task = records.read(actor, "Task", task_id)
    if not task.managed:
        raise NotFound
    resource = task.resource
    patient_id = (task_content.reference(resource, "for") or "").partition("/")[2]
    known = person_query.person(actor, patient_id, _CONTEXT_TYPES) if patient_id else None
    focus = task_content.reference(resource, "focus") or ""
    referral = next(
        (
            each
            for each in (known.all("ServiceRequest") if known else [])
            if each.reference == focus
        ),
        None,
    )
    decided = [why for _, why in person_query.decisions([task_id])]
    owner = task_content.owner(resource)
    line = task_words.line(
        task,
        now,
        patient=known.patient if known else None,
        why=next((each.sentence for each in decided if each.owner == owner), None),
        me=actor.practitioner,
    )
    return page(
        "worklist/task.html",
        status,
        task=line,
        done=_DONE.get(request.args.get("done", "")) if form is None else None,
        person=people.head(known.patient, now) if known else None,
        alerts=[
            *alerts.of_flags(known.all("Flag")),
            *alerts.of_allergies(known.all("AllergyIntolerance")),
        ]
        if known
        else [],
        story=referral_words.story(
            referral, task, records.read_many(actor, referral_words.links(referral)).values()
        )
        if referral
        else None,
        plans=known.managed("CarePlan") if known else [],
        decisions=[
            (words.moment(each.decided_at), directory.name_of(each.owner), each.sentence)
            for each in decided
        ],
        notes=task_words.notes(task),
        organisations=task_words.organisations(task),
        may_claim=line.pool and owner in actor.teams and line.is_open,
        form=form,
        verb=verb,
        decline_reasons=directory.choices("task-decline-reasons"),
        hold_reasons=directory.choices("hold-reasons"),
        outcomes=directory.choices("task-outcomes"),
        colleagues=[each for each in directory.colleagues() if each[0] != actor.practitioner],
        today=words.local(now).date().isoformat(),
    )
