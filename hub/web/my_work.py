"""My work: what I have, what I wait for, what is on hold, what is anybody's, what I did today."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from urllib.parse import urlencode

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from hub import clock, records
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.domain.task_states import UNDO_WITHIN
from hub.models.offer import TaskOffer
from hub.queries import offers as offers_query
from hub.queries import parts as parts_query
from hub.queries import worklist as worklist_query
from hub.queries.parts import Part
from hub.queries.worklist import Finished, WorkKey
from hub.services import hand_overs, notices, task_content
from hub.transaction import transaction
from hub.web import directory, live, marks
from hub.web.forms import Filled, fill
from hub.web.forms.giving import OfferManyForm
from hub.web.news import news
from hub.web.presenters import offers, words, work_lists
from hub.web.presenters import tasks as task_words
from hub.web.presenters.tasks import TaskLine
from hub.web.presenters.work_lists import DoneLine
from hub.web.rendering import fragment, page
from hub.web.site import blueprint
from hub.web.task_verbs import DONE
from hub.web.unreachable import teams_led

TABS = {
    "todo": "To do",
    "waiting": "Waiting for an answer",
    "hold": "On hold",
    "pool": "For anybody",
    "done": "Done today",
}
SORTS = {"due": "What is due first", "newest": "Newest first", "person": "Person", "place": "Place"}
NEWS_SHOWN = 3
"""The work itself stands on the first screen of a phone; the rest is on the first page."""


@dataclass(frozen=True, slots=True)
class _Found:
    """All that decides what the list shows, cheap enough to ask for every two seconds."""

    keys: list[WorkKey]
    asked: Sequence[TaskOffer]
    given: Sequence[TaskOffer]
    parts: list[Part]
    done: list[Finished]


@blueprint.get("/worklist")
def worklist_page() -> Response:
    actor = current_actor()
    done = request.args.get("done", "")
    found = _find(actor)
    finished = request.args.get("task", "") if done == "complete" else ""
    return page(
        "worklist/worklist.html",
        done=DONE.get(done),
        take_back=next((each for each in _done(actor, found) if each.task_id == finished), None),
        address=live.here("/worklist/rows"),
        sorts=SORTS,
        **_list(actor, found),
    )


@blueprint.get("/worklist/rows")
def worklist_rows() -> Response:
    """The live part of the list: 304 unless work or the passing of time changed it."""
    actor = current_actor()
    found = _find(actor)
    etag = _etag(actor, found)
    return live.unchanged(etag) or fragment("worklist/_rows.html", etag, _list(actor, found))


@blueprint.post("/worklist/seen")
def tick_off_news() -> BaseResponse:
    with transaction():
        notices.tick_off(current_actor(), request.form.getlist("notice"))
    return redirect(f"/worklist?{request.form.get('list', '')}", code=303)


@blueprint.get("/worklist/offer")
def offer_many_page() -> Response:
    return _offer_many()


@blueprint.post("/worklist/offer")
def offer_many() -> Response:
    """Offer several tasks to one person, as at the end of a shift."""
    form = fill(OfferManyForm, request.form)
    chosen = [each.partition("/") for each in request.form.getlist("task")]
    tasks = [(task_id, int(number)) for task_id, _, number in chosen if number.isdigit()]
    if form.is_right and not tasks:
        form = Filled({}, form.given, {"task-0": "Choose at least one task"})
    if not form.is_right:
        return _offer_many(form, status=422)
    sent = form.values
    with transaction():
        found = hand_overs.offer_many(
            current_actor(), tasks, to=sent["many_to"], note=sent["many_note"] or None
        )
    made = sum(1 for each in found if each.offer)
    said = f"{words.plural(made, 'task')} offered to {directory.name_of(sent['many_to'])}."
    return _offer_many(said=said, failed=[each for each in found if not each.offer])


def _offer_many(
    form: Filled | None = None,
    status: int = 200,
    said: str = "",
    failed: Sequence[hand_overs.Offered] = (),
) -> Response:
    actor = current_actor()
    now = clock.now()
    found = _find(actor)
    lines = _lines(actor, now)
    asked = {each.task_id for each in found.given}
    titles = {each.id: each.title for each in lines}
    return page(
        "worklist/offer.html",
        status,
        form=form,
        said=said,
        failed=[(titles.get(each.task_id, "A task"), each.why_not) for each in failed],
        chosen=set(request.form.getlist("task")),
        lines=[each for each in lines if each.mine and each.id not in asked],
        colleagues=offers.colleagues({actor.practitioner or ""}, now),
    )


def _find(actor: Actor) -> _Found:
    midnight = datetime.combine(words.local(clock.now()).date(), time(), words.LONDON)
    return _Found(
        worklist_query.keys(actor),
        offers_query.to_answer(actor.practitioner),
        offers_query.made_by(actor.practitioner),
        parts_query.made_by(actor.practitioner),
        worklist_query.finished(actor, midnight),
    )


def _etag(actor: Actor, found: _Found) -> str:
    now = clock.now()
    return marks.mark(
        [
            request.query_string.decode(),
            *((each.id, each.version, _left(each.due_at, now)) for each in found.keys),
            *((each.id, _left(each.expires_at, now)) for each in (*found.asked, *found.given)),
            *((each.id, each.status, each.owner) for each in found.parts),
            *((each.task_id, each.version, _undo_left(each, now)) for each in found.done),
            *(each.id for each in notices.unseen(actor)),
        ]
    )


def _left(due: datetime | None, now: datetime) -> str:
    return words.time_left(due, now).words


def _undo_left(done: Finished, now: datetime) -> str:
    left = (done.at + UNDO_WITHIN - now).total_seconds()
    return words.span(left) if left > 0 else ""


def _lines(actor: Actor, now: datetime) -> list[TaskLine]:
    return [
        task_words.line(each.task, now, patient=each.patient, why=each.why, me=actor.practitioner)
        for each in worklist_query.work(actor)
    ]


def _list(actor: Actor, found: _Found) -> dict[str, object]:
    now = clock.now()
    tab = request.args.get("tab", "")
    tab = tab if tab in TABS else "todo"
    order = request.args.get("sort", "")
    order = order if order in SORTS else "due"
    wanted = request.args.get("find", "").strip()
    beside = worklist_query.tasks(
        actor, {each.task_id for each in (*found.asked, *found.given)} | {p.id for p in found.parts}
    )
    others = {
        task_id: task_words.line(
            each.task, now, patient=each.patient, why=each.why, me=actor.practitioner
        )
        for task_id, each in beside.items()
    }
    lines = _lines(actor, now)
    held = {each.task.id: each for each in worklist_query.work(actor)} if tab == "hold" else {}
    reviews = {
        task_id: words.moment(task_content.review_at(each.task.resource))
        for task_id, each in held.items()
    }
    groups = {
        "todo": work_lists.todo(lines, found.asked, found.given, others, now, flat=order != "due"),
        "waiting": work_lists.waiting(found.given, found.parts, others, now),
        "hold": [("Until its review", "hold", work_lists.on_hold(lines, reviews))],
        "pool": [
            (
                "For anybody in your team",
                "pool",
                [work_lists.Row(each, "claim", each.owner) for each in lines if each.pool],
            )
        ],
    }
    counts = {name: sum(len(rows) for _, _, rows in of_tab) for name, of_tab in groups.items()} | {
        "done": len(found.done)
    }
    records.spool.looked(actor, "page", "worklist")
    mine = [each for each in lines if each.mine]
    return {
        "tab": tab,
        "tabs": [(code, title, counts[code], _with(tab=code)) for code, title in TABS.items()],
        "sort": order,
        "find": wanted,
        "groups": [
            (title, code, kept)
            for title, code, rows in groups.get(tab, ())
            if (kept := work_lists.shown(rows, wanted, order))
        ],
        "finished": _done(actor, found) if tab == "done" else [],
        "mine": len(mine),
        "late": sum(1 for each in mine if each.clock.tone == "late"),
        "news": news(actor, NEWS_SHOWN),
        "more_news": max(len(notices.unseen(actor)) - NEWS_SHOWN, 0),
        "here": _with(),
        "leads": bool(teams_led(actor)),
        "decline_reasons": directory.choices("task-decline-reasons"),
        "etag": f'"{_etag(actor, found)}"',
    }


def _with(**changes: str) -> str:
    """Return the address's query with changes, so that filter and order are kept."""
    kept = {name: request.args.get(name, "") for name in ("tab", "sort", "find")} | changes
    return urlencode({name: value for name, value in kept.items() if value})


def _done(actor: Actor, found: _Found) -> list[DoneLine]:
    now = clock.now()
    seen = worklist_query.tasks(actor, [each.task_id for each in found.done])
    made = []
    for each in found.done:
        known = seen.get(each.task_id)
        line = task_words.line(known.task, now, patient=known.patient) if known else None
        made.append(
            DoneLine(
                each.task_id,
                each.version,
                line.title if line else "Work whose record is closed to you again",
                line.person.name if line and line.person.id else "",
                words.since(each.at, now),
                _undo_left(each, now),
            )
        )
    return made
