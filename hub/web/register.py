"""The end-of-life register: enter somebody (consent first), change, and see who has been told."""

from dataclasses import replace

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from hub import clock, records
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.domain.register import PREFERRED_WORDS, RegisterEntry
from hub.services import register, subscriptions
from hub.transaction import transaction
from hub.web import live, marks
from hub.web.forms import Filled, fill
from hub.web.forms.register import RegisterContentForm, RegisterForm, entry_of, given_of
from hub.web.presenters import people, registers, words
from hub.web.presenters.registers import ToldLine
from hub.web.rendering import fragment, page
from hub.web.site import blueprint

_DONE = {
    "entered": "The person is on the register. The subscribed services are being told now.",
    "changed": "The entry is changed. Services are told of what they act on.",
    "left": "The person is off the register and sharing has ended. Services are being told now.",
}
_FIELD_OF_RULE = {"form_location": "cpr_form_location", "cpr": "cpr_decided_on"}


@blueprint.get("/register/<patient_id>")
def register_page(patient_id: str) -> Response:
    actor = current_actor()
    entry = register.current(actor, patient_id)
    if entry is None and "done" not in request.args:
        return _form(patient_id)
    return _entry(actor, patient_id, entry)


def _entry(actor: Actor, patient_id: str, entry: RegisterEntry | None, error: str = "") -> Response:
    patient = records.read(actor, "Patient", patient_id)
    told = _told(patient_id)
    return page(
        "register/entry.html",
        422 if error else 200,
        error=error,
        person=people.head(patient, clock.now()),
        entry=registers.shown(entry) if entry else None,
        told=told,
        etag=f'"{marks.mark(told)}"',
        address=live.here(f"/register/{patient_id}/told").partition("?")[0],
        done=_DONE.get(request.args.get("done", "")),
    )


@blueprint.get("/register/<patient_id>/told")
def register_told(patient_id: str) -> Response:
    """The live part: who has been told, and who has confirmed it."""
    records.read(current_actor(), "Patient", patient_id)
    told = _told(patient_id)
    etag = marks.mark(told)
    return live.unchanged(etag) or fragment("register/_told.html", etag, {"told": told})


def _told(patient_id: str) -> list[ToldLine]:
    deliveries = subscriptions.deliveries_for([f"Patient/{patient_id}"])
    return registers.told(each for each in deliveries if each.subject.startswith("EpisodeOfCare/"))


@blueprint.post("/register/<patient_id>")
def enter_register(patient_id: str) -> Response | BaseResponse:
    actor = current_actor()
    form = fill(RegisterForm, request.form)
    if not form.is_right:
        return _form(patient_id, form, 422)
    today = words.local(clock.now()).date()
    try:
        with transaction():
            register.enter(actor, patient_id, entry_of(form.values, by=actor.display, today=today))
    except RuleError as error:
        return _refused(patient_id, form, error)
    return redirect(f"/register/{patient_id}?done=entered", code=303)


@blueprint.get("/register/<patient_id>/change")
def change_register_page(patient_id: str) -> Response | BaseResponse:
    actor = current_actor()
    # The version before the content: a change between the two is then noticed, not hidden.
    on_register = register.current(actor, patient_id) is not None
    made_from = register.seen(actor, patient_id) if on_register else ""
    entry = register.current(actor, patient_id)
    if entry is None:
        return redirect(f"/register/{patient_id}", code=303)
    return _form(patient_id, Filled({}, given_of(entry)), made_from=made_from)


@blueprint.post("/register/<patient_id>/change")
def change_register(patient_id: str) -> Response | BaseResponse:
    actor = current_actor()
    form = fill(RegisterContentForm, request.form)
    made_from = request.form.get("made_from", "")
    if not form.is_right:
        return _form(patient_id, form, 422, made_from=made_from)
    today = words.local(clock.now()).date()
    try:
        with transaction():
            before = register.current(actor, patient_id)
            entry = entry_of(form.values, by=actor.display, today=today)
            register.change(
                actor,
                patient_id,
                _kept(before, entry) if before else entry,
                made_from=made_from,
            )
    except RuleError as error:
        return _refused(patient_id, form, error, made_from=made_from)
    return redirect(f"/register/{patient_id}?done=changed", code=303)


def _kept(before: RegisterEntry, after: RegisterEntry) -> RegisterEntry:
    """Keep what the form does not ask for, and who heard a preference that did not change."""
    kept = {}
    for name in ("care_first", "death_first", "death_second"):
        was, now = getattr(before, name), getattr(after, name)
        if was is not None and now is not None and was.place is now.place:
            kept[name] = was
    return replace(
        after,
        diagnosis_code=before.diagnosis_code,
        care_second=before.care_second,
        usual_gp=before.usual_gp,
        **kept,
    )


@blueprint.post("/register/<patient_id>/withdraw")
def withdraw_consent(patient_id: str) -> Response | BaseResponse:
    by = request.form.get("by", "").strip()
    if not by:
        actor = current_actor()
        told = "Write who withdraws the consent"
        return _entry(actor, patient_id, register.current(actor, patient_id), told)
    with transaction():
        register.withdraw_consent(current_actor(), patient_id, by=by)
    return redirect(f"/register/{patient_id}?done=left", code=303)


def _refused(
    patient_id: str, form: Filled, error: RuleError, *, made_from: str | None = None
) -> Response:
    if isinstance(error, NotPermittedError):
        raise error
    field = _FIELD_OF_RULE.get(str(error.field), str(error.field))
    if field not in RegisterForm().fields:
        field = "stage"
    told = {field: f"{error.text[0].upper()}{error.text[1:]}."}
    return _form(patient_id, Filled({}, form.given, told), 422, made_from=made_from)


def _form(
    patient_id: str,
    form: Filled | None = None,
    status: int = 200,
    *,
    made_from: str | None = None,
) -> Response:
    """Show the form; with ``made_from`` it changes the entry that it was made from."""
    actor = current_actor()
    now = clock.now()
    patient = records.read(actor, "Patient", patient_id)
    return page(
        "register/form.html",
        status,
        person=people.head(patient, now),
        form=form,
        changing=made_from is not None,
        made_from=made_from,
        stages=list(registers.STAGES.items()),
        decisions=[(each.value, text) for each, text in registers.CPR_WORDS.items()],
        places=[(each.value, text) for each, text in PREFERRED_WORDS.items()],
        today=words.local(now).date().isoformat(),
    )
