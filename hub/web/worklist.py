"""The page of one task, and what is done there."""

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from fhir.outcomes import NotFoundError, VersionConflictError
from hub import clock, records
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.domain.task_states import UNDO_WITHIN
from hub.queries import offers as offers_query
from hub.queries import parts as parts_query
from hub.queries import person as person_query
from hub.queries import worklist as worklist_query
from hub.records import Record
from hub.services import assignments, clock_histories, clocks, task_content
from hub.transaction import transaction
from hub.web import alarms, directory, outgoing
from hub.web.forms import Filled, fill
from hub.web.forms.giving import ROWS
from hub.web.navigation import is_spor
from hub.web.presenters import alerts, offers, people, words
from hub.web.presenters import clocks as clock_words
from hub.web.presenters import referrals as referral_words
from hub.web.presenters import tasks as task_words
from hub.web.presenters.offers import PartLine
from hub.web.rendering import page
from hub.web.site import blueprint
from hub.web.task_verbs import DONE, LEAVES_ME, VERBS

_CONTEXT_TYPES = ("Flag", "AllergyIntolerance", "ServiceRequest", "CarePlan")


@blueprint.get("/worklist/<task_id>")
def task_page(task_id: str) -> Response:
    return _task(task_id)


@blueprint.post("/worklist/<task_id>/<verb>")
def do_task(task_id: str, verb: str) -> Response | BaseResponse:
    if verb not in VERBS:
        raise NotFound
    schema, act = VERBS[verb]
    actor = current_actor()
    form = fill(schema, request.form)
    if not form.is_right:
        return _task(task_id, form, verb, 422)
    try:
        with transaction():
            act(actor, task_id, form)
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        return _refused(task_id, form, verb, f"{error.text}.")
    except VersionConflictError:
        return _refused(task_id, form, verb, _meanwhile(actor, task_id))
    if verb in LEAVES_ME or request.form.get("back") == "list":
        return redirect(f"/worklist?{request.form.get('list', '')}&done={verb}&task={task_id}", 303)
    shown = request.form.get("whole") or task_id
    return redirect(f"/worklist/{shown}?done={verb}", code=303)


def _refused(task_id: str, form: Filled, verb: str, told: str) -> Response | BaseResponse:
    """Show the task as it stands now, with what went before; or say it where it is hidden."""
    told = told[0].upper() + told[1:]
    try:
        return _task(task_id, Filled({}, form.given, {"verb": told}), verb, 409)
    except NotFoundError:
        # The last offer or work for this person is over: nothing of theirs is shown any more.
        raise RuleError(told.rstrip("."), field="verb") from None


def _meanwhile(actor: Actor, task_id: str) -> str:
    """Say who changed a task since it was seen."""
    record = records.read(actor, "Task", task_id)
    owner = task_content.owner(record.resource)
    if owner == actor.practitioner:
        return "Somebody else changed this task: look again. Your words are kept."
    return f"{directory.name_of(owner)} has this task now. Your words are kept."


def _may_undo(actor: Actor, task: Record) -> str:
    """Return how long the actor may take their completion back; empty when they may not."""
    if task["status"] != "completed":
        return ""
    last = assignments.spells_of(task.id)[-1:]
    if not last or last[0].ended_by != actor.practitioner or last[0].ends_at is None:
        return ""
    left = last[0].ends_at + UNDO_WITHIN - clock.now()
    return words.span(left.total_seconds()) if left.total_seconds() > 0 else ""


def _hold_reasons(task_id: str) -> list[tuple[str, str]]:
    """Return the reasons of a hold, each with what the clock of this task does."""
    running = clocks.running(task_id)
    stops = clocks.rule_of(running).pause_reasons if running else frozenset()

    def clock_does(code: str) -> str:
        if running is None:
            return ""
        return ": the clock stops" if code in stops else ": the clock runs on"

    return [(code, f"{text}{clock_does(code)}") for code, text in directory.choices("hold-reasons")]


def _parts(actor: Actor, task_id: str) -> list[PartLine]:
    found = parts_query.parts_of(task_id)
    held = worklist_query.tasks(actor, [each.id for each in found])
    asked = offers_query.open_of([each.id for each in found])
    return [
        offers.part(
            each,
            title=str(held[each.id].task.get("description", "")),
            version=held[each.id].task.version,
            asked=directory.name_of(asked[each.id].taker) if each.id in asked else "",
        )
        for each in found
        if each.id in held
    ]


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
    offered = offers_query.open_offer(task_id)
    spell = assignments.current(task_id)
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
        traces=task_content.code(resource) == "tracing" and line.is_open,
        done=DONE.get(request.args.get("done", "")) if form is None else None,
        clock_panel=clock_words.panel(clock_histories.history(task_id, now)),
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
        sent_on=outgoing.of_task(task) if is_spor(actor) else [],
        document=focus.removeprefix("DocumentReference/")
        if focus.startswith("DocumentReference/")
        else "",
        decisions=[
            (words.moment(each.decided_at), directory.name_of(each.owner), each.sentence)
            for each in decided
        ],
        notes=task_words.notes(task),
        escalation=alarms.panel(actor, task),
        organisations=task_words.organisations(task),
        may_claim=line.pool and owner in actor.teams and line.is_open,
        form=form,
        verb=verb,
        decline_reasons=directory.choices("task-decline-reasons"),
        hold_reasons=_hold_reasons(task_id),
        clock_runs=clocks.running(task_id) is not None,
        offer=offers.offer(offered, now) if offered else None,
        asked_me=offered is not None and offered.taker == actor.practitioner,
        may_withdraw=offered is not None
        and (offered.giver == actor.practitioner or owner in {actor.practitioner, *actor.teams}),
        parts=_parts(actor, task_id),
        whole=task_content.whole_of(resource),
        minutes=spell.minutes if spell else 0,
        teams=directory.teams(),
        split_rows=range(1, ROWS + 1),
        undo_left=_may_undo(actor, task),
        review=words.moment(task_content.review_at(resource)),
        outcomes=directory.choices("task-outcomes"),
        colleagues=offers.colleagues({owner, actor.practitioner or ""}, now),
        today=words.local(now).date().isoformat(),
    )
