"""The single point of referral: the board of what waits, and triage of one referral."""

from datetime import datetime
from typing import Any

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from fhir.outcomes import VersionConflictError
from hub import clock, records
from hub.auth import current_actor
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.domain.task_states import OPEN
from hub.queries import alerts as flags_of
from hub.queries import person as person_query
from hub.queries import spor_board
from hub.queries.spor_board import WaitingKey
from hub.services import (
    choices,
    clock_histories,
    contacts,
    definitions,
    referrals,
    second_triage,
    task_content,
    triage_inputs,
)
from hub.services.choices import Choice
from hub.services.triage_inputs import Shown
from hub.transaction import transaction
from hub.web import directory, live, marks
from hub.web.forms import Filled, fill
from hub.web.forms.triage import TriageForm
from hub.web.navigation import is_spor
from hub.web.presenters import alerts, clocks, people, tasks, words
from hub.web.presenters import referrals as referral_words
from hub.web.presenters.people import PersonHead
from hub.web.rendering import fragment, page
from hub.web.site import blueprint

_DONE = {
    "accept": "The referral is accepted.",
    "redirect": "The referral is redirected and the referrer is told.",
    "ask": "Your question is on its way to the referrer. The clock runs on.",
    "decline": "The referral is declined and the referrer has your advice.",
}
_CONTEXT_TYPES = ("Flag", "ServiceRequest", "Task", "CareTeam", "CarePlan", "AllergyIntolerance")


def teams_shown(actor: Actor) -> frozenset[str]:
    """Return the front doors whose board this person works at."""
    doors = {f"CareTeam/{definitions.current().spor.team}"}
    doors.add(f"CareTeam/{definitions.current().spor.out_of_hours_desk}")
    mine = actor.teams & doors
    if not mine or not is_spor(actor):
        raise NotPermittedError("the referral board is for the single point of referral")
    return mine


@blueprint.get("/spor")
def spor_board_page() -> Response:
    actor = current_actor()
    context = _board(actor)
    accepted = request.args.get("task", "") if request.args.get("done") == "accept" else ""
    return page(
        "spor/board.html",
        second_looks=len(second_triage.waiting(actor)),
        accepted=accepted,
        became=_became(actor, accepted) if accepted else [],
        done=_DONE.get(request.args.get("done", "")),
        address=live.here("/spor/rows"),
        **context,
    )


@blueprint.get("/spor/rows")
def spor_board_rows() -> Response:
    """The live part of the board: 304 unless a referral or the passing of time changed it."""
    actor = current_actor()
    found = spor_board.keys(actor, teams_shown(actor))
    etag = _etag(found)
    return live.unchanged(etag) or fragment("spor/_rows.html", etag, _board(actor, found))


def _etag(found: list[WaitingKey]) -> str:
    now = clock.now()
    return marks.mark(
        [
            request.args.get("urgency"),
            request.args.get("step"),
            *((each.id, each.version, words.time_left(each.due_at, now).words) for each in found),
        ]
    )


def _board(actor: Actor, found: list[WaitingKey] | None = None) -> dict[str, object]:
    now = clock.now()
    teams = teams_shown(actor)
    keys = spor_board.keys(actor, teams) if found is None else found
    waiting = spor_board.waiting(actor, teams)
    patient_ids = {each.patient.id for each in waiting if each.patient}
    flags = flags_of.in_force(actor, patient_ids)
    rows = [
        referral_words.board_row(each, flags.get(each.patient.id, []) if each.patient else [], now)
        for each in waiting
    ]
    records.spool.looked(actor, "page", "spor-board")
    urgency, step = request.args.get("urgency", ""), request.args.get("step", "")
    shown = [
        row
        for row in rows
        if (not urgency or (row.priority == "routine") == (urgency == "routine"))
        and (not step or bool(row.step) == (step == "asked"))
    ]
    return {
        "rows": shown,
        "urgency": urgency,
        "step": step,
        "total": len(rows),
        "late": sum(1 for row in rows if row.clock.tone == "late"),
        "urgent": sum(1 for row in rows if row.priority != "routine"),
        "asked": sum(1 for row in rows if row.step),
        "etag": f'"{_etag(keys)}"',
    }


@blueprint.post("/spor/<task_id>/answer")
def record_answer(task_id: str) -> Response | BaseResponse:
    """What the referrer has answered on the telephone, written down by whoever asked."""
    actor = current_actor()
    teams_shown(actor)
    words_given = request.form.get("answer", "")
    try:
        with transaction():
            referrals.answer_question(
                actor, task_id, words=words_given, by="The referrer, by telephone"
            )
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        told = {"answer": f"{error.text[0].upper()}{error.text[1:]}."}
        return _triage(task_id, Filled({}, {"answer": words_given}, told), 422)
    return redirect(f"/spor/{task_id}", code=303)


@blueprint.get("/spor/<task_id>")
def triage_page(task_id: str) -> Response:
    return _triage(task_id)


@blueprint.post("/spor/<task_id>")
def triage(task_id: str) -> Response | BaseResponse:
    actor = current_actor()
    form = fill(TriageForm, request.form)
    if not form.is_right:
        return _triage(task_id, form, 422)
    try:
        with transaction():
            _decide(actor, task_id, form)
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        refused = Filled({}, form.given, {_field_of(form, error): f"{error.text}."})
        return _triage(task_id, refused, 422)
    except VersionConflictError:
        stale = Filled(
            {},
            form.given,
            {"decision": "Somebody else changed this referral: look again. Your words are kept."},
        )
        return _triage(task_id, stale, 409)
    decision = form.values["decision"]
    about = f"&task={task_id}" if decision == "accept" else ""
    return redirect(f"/spor?done={decision}{about}", code=303)


def _field_of(form: Filled, error: RuleError) -> str:
    """Return the field that a rule's refusal is shown at."""
    prefix = {"redirect": "redirect_", "decline": "decline_"}.get(form.given.get("decision", ""))
    name = f"{prefix}{error.field}" if prefix else str(error.field)
    return name if name in TriageForm().fields else "decision"


def _decide(actor: Actor, task_id: str, form: Filled) -> None:
    sent = form.values
    version = sent["version"]
    choice = Choice(sent["choice"], sent["choice_options"], sent["signposted"])
    match sent["decision"]:
        case "accept":
            referrals.accept(
                actor,
                task_id,
                version=version,
                service=sent["service"],
                note=sent["note"] or None,
                choice=choice,
            )
        case "redirect":
            referrals.redirect(
                actor,
                task_id,
                version=version,
                service=sent["redirect_service"],
                reason=sent["redirect_reason"],
                choice=choice,
            )
        case "ask":
            referrals.ask(
                actor,
                task_id,
                version=version,
                question=sent["question"],
                kind=sent["question_kind"],
            )
        case _:
            referrals.decline(
                actor,
                task_id,
                version=version,
                reason=sent["decline_reason"],
                advice=sent["advice"],
                choice=choice,
            )


def _may_be(
    actor: Actor, suggested: tuple[Shown, ...], now: datetime
) -> list[tuple[PersonHead | None, str]]:
    """Return whom the referral may be about (None where the actor may not see them), and why."""
    held = records.read_many(actor, [each.reference for each in suggested if each.reference])
    return [
        (people.head(held[each.reference], now) if each.reference in held else None, each.words)
        for each in suggested
    ]


@blueprint.get("/spor/<task_id>/became")
def spor_became(task_id: str) -> Response:
    """The live part after an acceptance: who has it, and why."""
    became = _became(current_actor(), task_id)
    etag = marks.mark(became)
    return live.unchanged(etag) or fragment("spor/_became.html", etag, {"became": became})


def _became(actor: Actor, task_id: str) -> list[tuple[str, str]]:
    """Return (owner, sentence) of the work that an accepted referral became, once it is routed.

    Who accepted is told whom the hub found, though the work is that person's from then on.
    """
    teams_shown(actor)
    hub = hub_actor("spor")
    triaged = records.read(hub, "Task", task_id)
    if task_content.code(triaged.resource) != "triage":
        raise NotFound
    focus = task_content.reference(triaged.resource, "focus") or ""
    work = spor_board.became(hub, focus)
    last = dict(reversed(person_query.decisions([each.id for each in work])))
    return [
        (directory.name_of(each.get("owner")), last[each.id].sentence)
        for each in work
        if each.id in last
    ]


def _frequent(actor: Actor, patient_id: str) -> list[tuple[str, str]]:
    """Return (name, sentence) of each rule of frequent contacts that the person meets."""
    return [
        (
            each.rule.name,
            f"{len(each.days)} {each.rule.noun} since {words.day(each.days[-1])}, the last on"
            f" {words.day(each.days[0])}",
        )
        for each in contacts.frequent_for(actor, f"Patient/{patient_id}")
    ]


def _triage(task_id: str, form: Filled | None = None, status: int = 200) -> Response:
    actor = current_actor()
    teams_shown(actor)
    now = clock.now()
    task = records.read(actor, "Task", task_id)
    resource = task.resource
    request_id = (task_content.reference(resource, "focus") or "").partition("/")[2]
    patient_id = (task_content.reference(resource, "for") or "").partition("/")[2]
    known = person_query.person(actor, patient_id, _CONTEXT_TYPES) if patient_id else None
    referral = next(
        (each for each in (known.all("ServiceRequest") if known else []) if each.id == request_id),
        None,
    )
    inputs = triage_inputs.read(resource)
    suggested = ""
    if inputs.suggested_service and inputs.suggested_service.reference:
        suggested = inputs.suggested_service.reference.partition("/")[2]
    return page(
        "spor/triage.html",
        status,
        clock_panel=clocks.panel(clock_histories.history(task_id, now)),
        task=tasks.line(task, now, patient=known.patient if known else None),
        person=people.head(known.patient, now) if known else None,
        story=referral_words.story(
            referral, task, records.read_many(actor, referral_words.links(referral)).values()
        ),
        alerts=alerts.of_flags(known.all("Flag")) if known else [],
        # An alert that stands on a flag in force is shown once.
        flagged={each.reference for each in known.all("Flag")} if known else set(),
        inputs=inputs,
        may_be=_may_be(actor, inputs.suggested_people, now),
        frequent=_frequent(actor, patient_id) if known else [],
        earlier=referral_words.earlier(known.all("ServiceRequest"), referral) if known else [],
        work=[
            tasks.line(each, now)
            for each in (known.managed("Task") if known else [])
            if each.id != task_id and each.get("status") in OPEN
        ],
        notes=tasks.notes(task),
        papers=referral_words.papers(referral),
        form=form,
        suggested=suggested,
        services=directory.services(in_bundle=True),
        elsewhere=directory.services(in_bundle=False),
        question_kinds=directory.choices("question-kinds"),
        question=directory.words_of("question-kinds", inputs.question) if inputs.question else "",
        answer_due=words.moment(inputs.answer_due),
        answer_late=inputs.answer_due is not None and inputs.answer_due < now,
        redirect_reasons=directory.choices("redirect-reasons"),
        decline_reasons=directory.choices("decline-reasons"),
        choice_outcomes=directory.choices(choices.OUTCOMES),
        chosen=_chosen(resource),
    )


def _chosen(task: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what was recorded of choice and signposting, in words."""
    said = choices.read(task)
    if said is None:
        return []
    outcome = directory.words_of(choices.OUTCOMES, said.outcome) if said.outcome else ""
    facts = [("Choice", outcome), ("Offered", said.options), ("Pointed to", said.signposted)]
    return [(name, text) for name, text in facts if text]
