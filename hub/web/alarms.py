"""Alarms: every escalation that waits for an answer, and what could not be sent outside."""

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from hub import clock, records
from hub.auth import current_actor
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.queries import alarms as alarms_query
from hub.queries.alarms import Alarm
from hub.records import Record
from hub.services import (
    acknowledgements,
    clocks,
    escalation_schedule,
    escalations,
    outside_sends,
    task_content,
)
from hub.transaction import transaction
from hub.web import live, marks
from hub.web.forms import Filled, fill
from hub.web.forms.alarms import AcknowledgeForm
from hub.web.navigation import MANAGEMENT
from hub.web.presenters import alarms as alarm_words
from hub.web.presenters import tasks as task_words
from hub.web.presenters import words
from hub.web.presenters.alarms import Panel
from hub.web.rendering import fragment, page
from hub.web.site import blueprint

_HUB = hub_actor("alarms")

_DONE = {
    "acknowledged": "Acknowledged. The clock runs on; the breach will still be told.",
    "again": "The message leaves again now.",
}


def panel(actor: Actor, task: Record) -> Panel | None:
    """Return the escalation of a task for its page; None where no clock ever ran out."""
    running = clocks.running(task.id)
    rows = escalations.steps_of(task.id)
    if running is None and not rows:
        return None
    of_running = [row for row in rows if running is not None and row.clock_id == running.id]
    standing = running is not None and running.next_step_at is None
    return alarm_words.panel(
        task.id,
        rows,
        None if running is None or standing else clocks.coming(running),
        alarms_query.sends_of(sorted({row.clock_id for row in rows})),
        acknowledged=escalation_schedule.acknowledged(of_running),
        may_answer=running is not None
        and bool(of_running)
        and acknowledgements.may(actor, task, of_running),
        now=clock.now(),
    )


@blueprint.get("/alarms")
def alarms_page() -> Response:
    _check(current_actor())
    return page(
        "alarms/alarms.html",
        done=_DONE.get(request.args.get("done", "")),
        address=live.here("/alarms/rows"),
        **_list(alarms_query.unanswered()),
    )


@blueprint.get("/alarms/rows")
def alarms_rows() -> Response:
    """The live part of the page: 304 unless an alarm came, was answered, or time passed it."""
    _check(current_actor())
    found = alarms_query.unanswered()
    etag = _etag(found)
    return live.unchanged(etag) or fragment("alarms/_rows.html", etag, _list(found))


@blueprint.get("/alarms/<task_id>")
def alarm_page(task_id: str) -> Response:
    """One alarm without the person: for whoever was told and may not see whom it is about."""
    return _alarm(task_id)


@blueprint.post("/alarms/<task_id>/acknowledge")
def acknowledge_alarm(task_id: str) -> Response | BaseResponse:
    form = fill(AcknowledgeForm, request.form)
    if not form.is_right:
        return _alarm(task_id, form, 422)
    try:
        with transaction():
            acknowledgements.acknowledge(
                current_actor(),
                task_id,
                step_id=form.values["step"],
                note=form.values["note"],
            )
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        return _alarm(task_id, Filled({}, form.given, {"note": f"{error.text}."}), 409)
    back = {
        "alarms": "/alarms?done=acknowledged",
        "task": f"/worklist/{task_id}?done=acknowledge",
    }.get(request.form.get("back", ""), f"/alarms/{task_id}?done=acknowledged")
    return redirect(back, code=303)


@blueprint.post("/alarms/sends/<send_id>/again")
def send_again(send_id: str) -> BaseResponse:
    actor = current_actor()
    _check(actor)
    with transaction():
        outside_sends.replay(actor, send_id)
    return redirect("/alarms?done=again", code=303)


def _alarm(task_id: str, form: Filled | None = None, status: int = 200) -> Response:
    actor = current_actor()
    task = records.read(_HUB, "Task", task_id)
    escalation = panel(actor, task) if task.managed else None
    if escalation is None or not acknowledgements.may(actor, task, escalations.steps_of(task_id)):
        # Who has no part in it hears no more than that there is nothing.
        raise NotFound
    readable = task.reference in records.read_many(actor, [task.reference])
    records.spool.looked(actor, "page", f"alarms/{task_id}")
    return page(
        "alarms/alarm.html",
        status,
        task=task_words.line(task, clock.now(), me=actor.practitioner),
        readable=readable,
        about=task_words.KINDS.get(task_content.code(task.resource) or "", "Task"),
        escalation=escalation,
        form=form,
        done=_DONE.get(request.args.get("done", "")) if form is None else None,
        manager=actor.role in MANAGEMENT,
    )


def _check(actor: Actor) -> None:
    if actor.role not in MANAGEMENT:
        raise NotPermittedError("alarms of the whole hub are for duty and service managers")


def _etag(found: list[Alarm]) -> str:
    now = clock.now()
    return marks.mark(
        [
            *(
                (each.step_id, each.rings, each.owner, words.time_left(each.due_at, now).words)
                for each in found
            ),
            *((send.id, send.attempts) for send in alarms_query.dead_sends()),
        ]
    )


def _list(found: list[Alarm]) -> dict[str, object]:
    now = clock.now()
    # Work without the person: a manager answers alarms, who it is about is for those who care.
    records.spool.looked(current_actor(), "page", "alarms")
    lines = [(each.level, alarm_words.line(each, now)) for each in found]
    groups = [
        ("Over time", "late", [line for level, line in lines if level >= 100]),
        ("Nearly over", "soon", [line for level, line in lines if 75 <= level < 100]),
        ("Time running", "running", [line for level, line in lines if level < 75]),
    ]
    dead = [alarm_words.send_line(each, now) for each in alarms_query.dead_sends()]
    return {
        "groups": [(title, code, rows) for title, code, rows in groups if rows],
        "counts": [(title, code, len(rows)) for title, code, rows in groups],
        "dead": dead,
        "etag": f'"{_etag(found)}"',
    }
