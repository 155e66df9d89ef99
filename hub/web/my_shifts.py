"""My shifts: what I work next, offers to me and from me, my absences, leave that I ask for."""

from datetime import timedelta

from flask import Response, redirect, request
from sqlalchemy import select
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.auth import current_actor
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.models.shift import Shift
from hub.queries import rota as rota_query
from hub.services import absences, shift_offers
from hub.transaction import transaction
from hub.web.forms import Filled, fill
from hub.web.forms.rota import AnswerForm, LeaveForm
from hub.web.presenters import rota as rota_words
from hub.web.rendering import page
from hub.web.site import blueprint

AHEAD = timedelta(weeks=6)
_DONE = {
    "offer": "The shift is offered. You keep it until it is accepted.",
    "accept": "The shift is yours.",
    "refuse": "You have said no. The shift stays with who offered it.",
    "withdraw": "The offer is taken back.",
    "leave": "You have asked for leave. Your lead decides.",
    "leave-withdrawn": "You have taken your question for leave back.",
    "back": "Welcome back. The absence has ended.",
    "cancelled": "The absence is called off.",
}


@blueprint.get("/rota/mine")
def my_shifts() -> Response:
    return _mine()


@blueprint.post("/rota/offers/<offer_id>/<verb>")
def answer_offer(offer_id: str, verb: str) -> Response | BaseResponse:
    form = fill(AnswerForm, request.form)
    if not form.is_right:
        return _mine(form, 422)
    actor = _worker()
    try:
        with transaction():
            if verb == "accept":
                shift_offers.accept(actor, offer_id)
            elif verb == "refuse":
                shift_offers.refuse(actor, offer_id, note=form.values["note"] or None)
            elif verb == "withdraw":
                shift_offers.withdraw(actor, offer_id)
            else:
                raise NotFound
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        return _mine(Filled({}, form.given, {"offers": f"{error.text}."}), 409)
    return redirect(f"/rota/mine?done={verb}", code=303)


@blueprint.post("/rota/leave")
def ask_for_leave() -> Response | BaseResponse:
    form = fill(LeaveForm, request.form)
    if not form.is_right:
        return _mine(form, 422)
    try:
        with transaction():
            absences.request_leave(
                _worker(),
                starts_at=form.values["starts_at"],
                ends_at=form.values["ends_at"],
                note=form.values["note"] or None,
            )
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        return _mine(Filled({}, form.given, {error.field or "starts_at": error.text}), 422)
    return redirect("/rota/mine?done=leave", code=303)


@blueprint.post("/rota/leave/<request_id>/withdraw")
def withdraw_leave(request_id: str) -> BaseResponse:
    with transaction():
        absences.withdraw_leave(_worker(), request_id)
    return redirect("/rota/mine?done=leave-withdrawn", code=303)


def _worker() -> Actor:
    actor = current_actor()
    if actor.practitioner is None:
        raise NotPermittedError("only the hub's staff have shifts")
    return actor


def _mine(form: Filled | None = None, status: int = 200) -> Response:
    actor = _worker()
    me, now = actor.practitioner, clock.now()
    assert me is not None
    mine = rota_query.shifts_of(me, now, now + AHEAD)
    away = rota_query.absences([me], now, None)
    offers = shift_offers.open_offers(me)
    named = {each.shift_id for each in offers} | {each.against_id or "" for each in offers}
    shifts = {
        each.id: each for each in db.session.scalars(select(Shift).where(Shift.id.in_(named)))
    }
    lines = [
        line for each in offers if (line := rota_words.offer_line(each, shifts, me)) is not None
    ]
    return page(
        "rota/mine.html",
        status,
        shifts=[rota_words.shift_line(each, away) for each in mine],
        on_offer={each.shift_id for each in offers if each.offered_by == me},
        to_me=[each for each in lines if not each.mine],
        by_me=[each for each in lines if each.mine],
        absences=[rota_words.absence_line(each, now) for each in away],
        leave=[rota_words.leave_line(each) for each in rota_query.leave_requests([me])],
        form=form,
        done=_DONE.get(request.args.get("done", "")) if form is None else None,
    )
