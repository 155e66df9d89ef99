"""One shift: who works it, what was before, and what may be done with it by whom."""

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.auth import current_actor
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.models.shift import Shift
from hub.queries import rota as rota_query
from hub.services import definitions, rota_changes, rota_overrides, shift_offers
from hub.services.rota_changes import bounds
from hub.transaction import transaction
from hub.web import directory
from hub.web.forms import Filled, fill
from hub.web.forms.reading import PageForm
from hub.web.forms.rota import MoveForm, OfferForm, ReasonForm, ReplaceForm
from hub.web.my_shifts import AHEAD
from hub.web.presenters import rota as rota_words
from hub.web.presenters import words
from hub.web.rendering import page
from hub.web.rota import reader
from hub.web.site import blueprint

_DONE = {"replace": "Somebody else works this shift now.", "move": "The shift has new hours."}
_FORMS: dict[str, type[PageForm]] = {
    "offer": OfferForm,
    "replace": ReplaceForm,
    "move": MoveForm,
    "take-off": ReasonForm,
}
_FIRST = {"offer": "to", "replace": "by", "move": "starts_at", "take-off": "reason"}
"""Where a refusal is shown that names no field of the form."""


@blueprint.get("/rota/shifts/<shift_id>")
def shift_page(shift_id: str) -> Response:
    return _shift(shift_id)


@blueprint.post("/rota/shifts/<shift_id>/<verb>")
def change_shift(shift_id: str, verb: str) -> Response | BaseResponse:
    if verb not in _FORMS:
        raise NotFound
    form = fill(_FORMS[verb], request.form)
    if not form.is_right:
        return _shift(shift_id, form, verb, 422)
    team = _found(shift_id).team or ""
    try:
        with transaction():
            _act(current_actor(), shift_id, verb, form)
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        names = list(_FORMS[verb]().fields)
        field = error.field if error.field in names else _FIRST[verb]
        return _shift(shift_id, Filled({}, form.given, {field: f"{error.text}."}), verb, 409)
    if verb == "offer":
        return redirect("/rota/mine?done=offer", code=303)
    if verb == "take-off":
        back = team.removeprefix("CareTeam/")
        return redirect(f"/rota?team={back}&done=take-off", code=303)
    return redirect(f"/rota/shifts/{shift_id}?done={verb}", code=303)


def _act(actor: Actor, shift_id: str, verb: str, form: Filled) -> None:
    sent = form.values
    if verb == "offer":
        shift_offers.offer(
            actor,
            shift_id,
            to=sent["to"],
            against=sent["against"] or None,
            note=sent["note"] or None,
        )
    elif verb == "replace":
        rota_overrides.replace(actor, shift_id, by=sent["by"], reason=sent["reason"])
    elif verb == "move":
        rota_overrides.move(
            actor,
            shift_id,
            starts_at=sent["starts_at"],
            ends_at=sent["ends_at"],
            reason=sent["reason"],
        )
    else:
        rota_overrides.take_off(actor, shift_id, reason=sent["reason"])


def _found(shift_id: str) -> Shift:
    found = db.session.get(Shift, shift_id)
    if found is None:
        raise NotFound
    return found


def _shift(
    shift_id: str, form: Filled | None = None, verb: str = "", status: int = 200
) -> Response:
    actor, now = reader(), clock.now()
    shift = _found(shift_id)
    starts, ends = bounds(shift)
    mine = shift.practitioner == actor.practitioner
    team = (shift.team or "").removeprefix("CareTeam/")
    colleagues = [
        (f"Practitioner/{each.username}", each.name)
        for each in definitions.current().members(team)
        if f"Practitioner/{each.username}" != shift.practitioner
    ]
    return page(
        "rota/shift.html",
        status,
        shift=rota_words.shift_line(shift, rota_query.absences([shift.practitioner], starts, ends)),
        team=team,
        week=words.local(starts).date().isoformat(),
        reason=shift.reason or "",
        history=[rota_words.past_line(each) for each in rota_query.history(shift_id)][::-1],
        may_offer=mine and starts > now,
        may_plan=rota_changes.may_plan(actor, shift.team) and ends > now,
        mine=mine,
        colleagues=sorted(colleagues, key=lambda each: each[1]),
        against=_against(team, shift.practitioner) if mine else [],
        others=[
            each for each in directory.colleagues([shift.role]) if each[0] != shift.practitioner
        ],
        starts_at=f"{words.local(starts):%Y-%m-%dT%H:%M}",
        ends_at=f"{words.local(ends):%Y-%m-%dT%H:%M}",
        form=form,
        verb=verb,
        done=_DONE.get(request.args.get("done", "")) if form is None else None,
    )


def _against(team: str, me: str) -> list[tuple[str, str]]:
    """Return the shifts of the team that could be asked for in exchange, in words."""
    now = clock.now()
    return [
        (each.id, f"{rota_changes.name_of(each.practitioner)}, {rota_changes.words_of(each)}")
        for each in rota_query.shifts(f"CareTeam/{team}", now, now + AHEAD)
        if each.practitioner != me and bounds(each)[0] > now
    ]
