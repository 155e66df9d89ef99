"""Who comes to a person: what they asked for, and who of the staff must not come."""

from collections.abc import Callable, Mapping

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from hub import clock, records
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.domain.matching import CONFLICTS, WISHES
from hub.queries import matching
from hub.services import conflicts, wishes
from hub.transaction import transaction
from hub.web import directory
from hub.web.forms import Filled, fill
from hub.web.forms.matching import ConflictForm, WishForm
from hub.web.forms.reading import PageForm
from hub.web.presenters import people, words
from hub.web.rendering import page
from hub.web.site import blueprint

_DONE = {
    "conflict": "Recorded. Any open work of theirs for this person has gone to others.",
    "wish": "Recorded. Work is given with it in mind from now on.",
    "ended": "Ended. It stays on the record.",
}


@blueprint.get("/people/<patient_id>/who-comes")
def who_comes_page(patient_id: str) -> Response:
    return _page(patient_id)


def _conflict(actor: Actor, patient_id: str, form: Filled) -> None:
    conflicts.record(
        actor,
        f"Patient/{patient_id}",
        form.values["practitioner"],
        reason=form.values["reason"],
        note=form.values["note"] or None,
    )


def _wish(actor: Actor, patient_id: str, form: Filled) -> None:
    wishes.record(actor, patient_id, form.values["wish"])


_KINDS: Mapping[str, tuple[type[PageForm], Callable[[Actor, str, Filled], None]]] = {
    "conflict": (ConflictForm, _conflict),
    "wish": (WishForm, _wish),
}


@blueprint.post("/people/<patient_id>/who-comes/<kind>")
def record_who_comes(patient_id: str, kind: str) -> Response | BaseResponse:
    if kind not in _KINDS:
        raise NotFound
    schema, act = _KINDS[kind]
    form = fill(schema, request.form)
    if not form.is_right:
        return _page(patient_id, form, 422)
    try:
        with transaction():
            act(current_actor(), patient_id, form)
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        field = error.field if error.field in {"practitioner", "reason", "note", "wish"} else kind
        return _page(patient_id, Filled({}, form.given, {field: f"{error.text}."}), 422)
    return redirect(f"/people/{patient_id}/who-comes?done={kind}", code=303)


@blueprint.post("/people/<patient_id>/who-comes/<kind>/<identity>/end")
def end_who_comes(patient_id: str, kind: str, identity: str) -> Response | BaseResponse:
    if kind not in _KINDS:
        raise NotFound
    try:
        with transaction():
            if kind == "conflict":
                conflicts.end(current_actor(), f"Patient/{patient_id}", identity)
            else:
                wishes.end(current_actor(), patient_id, identity)
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        return _page(patient_id, Filled({}, {}, {"standing": f"{error.text}."}), 409)
    return redirect(f"/people/{patient_id}/who-comes?done=ended", code=303)


def _page(patient_id: str, form: Filled | None = None, status: int = 200) -> Response:
    actor = current_actor()
    patient = records.read(actor, "Patient", patient_id)
    return page(
        "people/who_comes.html",
        status,
        person=people.head(patient, clock.now()),
        done=_DONE.get(request.args.get("done", "")) if form is None else None,
        form=form,
        wishes=[
            (flag.id, wish.words, words.moment(flag.last_updated))
            for flag in wishes.of_person(actor, patient_id)
            if (wish := matching.wish_of(flag.resource))
        ],
        conflicts=[
            {
                "id": each.id,
                "who": directory.name_of(each.practitioner),
                "why": CONFLICTS.get(each.reason, each.reason),
                "note": each.note or "",
                "by": directory.name_of(each.recorded_by),
                "when": words.moment(each.recorded_at),
            }
            for each in matching.standing_conflicts(f"Patient/{patient_id}")
        ],
        wish_choices=[(each.code, each.words) for each in WISHES.values()],
        reasons=[(code, text[:1].upper() + text[1:]) for code, text in CONFLICTS.items()],
        staff=directory.colleagues(),
    )
