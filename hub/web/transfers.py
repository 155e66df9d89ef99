"""Handing people over: choose them, offer them; offers to me, answered one by one or together."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from hub import clock, records
from hub.auth import current_actor
from hub.domain.accountability import TITLES, AccountableRole
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.models.accountability import AccountabilityOffer
from hub.services import accountability_offer_rows as rows
from hub.services import accountability_offers as offers
from hub.services.leaving import Kind, what_holds
from hub.transaction import transaction
from hub.web import directory
from hub.web.forms import Filled, fill
from hub.web.forms.accountability import OfferForm
from hub.web.presenters import people, words
from hub.web.rendering import page
from hub.web.site import blueprint
from hub.web.vacancies import STAFF_ROLES

_ROLES = {
    "gp": AccountableRole.GP,
    "social-worker": AccountableRole.SOCIAL_WORKER,
    "discharge-social-worker": AccountableRole.SOCIAL_WORKER,
}
_VERBS: dict[str, Callable[[Actor, str], Any]] = {
    "accept": offers.accept,
    "refuse": offers.refuse,
    "withdraw": offers.withdraw,
}
_DONE = {
    "accept": "You answer for them from now on.",
    "refuse": "Refused. Who offered has been told.",
    "withdraw": "Taken back. Who was asked has been told.",
    "offered": "Offered. They stay yours until it is accepted.",
}


@blueprint.get("/transfers")
def transfers_page() -> Response:
    return _transfers(_me())


@blueprint.post("/transfers")
def answer_offers() -> Response | BaseResponse:
    """Answer the offers that were chosen, each in a transaction of its own."""
    actor = _me()
    verb = request.form.get("verb", "")
    if verb not in _VERBS:
        raise RuleError("choose accept, refuse or withdraw", field="verb")
    chosen = request.form.getlist("offer")
    if not chosen:
        return _transfers(actor, problem="Choose at least one person", status=422)
    problem = ""
    for offer_id in chosen:
        try:
            with transaction():
                _VERBS[verb](actor, offer_id)
        except RuleError as error:
            problem = error.text
    if problem:
        return _transfers(actor, problem=problem, status=409)
    return redirect(f"/transfers?done={verb}", code=303)


@blueprint.get("/transfers/new")
def new_transfer_page() -> Response:
    return _new(_me())


@blueprint.post("/transfers/new")
def offer_people() -> Response | BaseResponse:
    actor = _me()
    form = fill(OfferForm, request.form)
    chosen = request.form.getlist("person")
    if not chosen:
        form = Filled(form.values, form.given, {"person": "Choose whom to offer", **form.errors})
    if not form.is_right:
        return _new(actor, form, chosen, 422)
    try:
        with transaction():
            offers.offer(
                actor,
                chosen,
                role=_role(actor).value,
                to=form.values["to"],
                note=form.values["note"],
            )
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        return _new(actor, Filled({}, form.given, {"to": error.text}), chosen, 422)
    return redirect("/transfers?done=offered", code=303)


def _transfers(actor: Actor, problem: str = "", status: int = 200) -> Response:
    assert actor.practitioner is not None
    found = rows.of(actor.practitioner)
    named = _people([each.patient_id for each in found])
    records.spool.looked(actor, "page", "transfers")
    sizes = offers.caseload_size(actor.practitioner)
    return page(
        "transfers/offers.html",
        status,
        problem=problem,
        done=_DONE.get(request.args.get("done", "")),
        mine=sum(sizes.values()),
        to_me=[_line(each, named) for each in found if each.receiver == actor.practitioner],
        from_me=[_line(each, named) for each in found if each.giver == actor.practitioner],
    )


def _new(
    actor: Actor, form: Filled | None = None, chosen: Sequence[str] = (), status: int = 200
) -> Response:
    assert actor.practitioner is not None
    role = _role(actor)
    held = [
        each.patient_id
        for each in what_holds(actor.practitioner)
        if each.kind is Kind.ACCOUNTABILITY and each.id.endswith(f"/{role.value}")
    ]
    offered = {each.patient_id for each in rows.of(actor.practitioner)}
    named = _people([each for each in held if each and each not in offered])
    staff = [
        (reference, f"{said}: answers for {offers.caseload_size(reference).get(role, 0)}")
        for reference, said in directory.colleagues(STAFF_ROLES[role])
        if reference != actor.practitioner
    ]
    records.spool.looked(actor, "page", "transfers/new")
    return page(
        "transfers/new.html",
        status,
        role=TITLES[role],
        rows=sorted(named.values(), key=lambda each: each.name.rpartition(" ")[2]),
        chosen=frozenset(chosen),
        staff=staff,
        form=form,
    )


def _people(ids: Sequence[str | None]) -> dict[str, people.PersonLine]:
    # As the hub: who is offered a person must read who it is before they can answer.
    found = records.read_many(hub_actor("transfers"), [f"Patient/{each}" for each in ids])
    now = clock.now()
    return {record.id: people.line(record, now) for record in found.values()}


def _line(offer: AccountabilityOffer, named: dict[str, people.PersonLine]) -> dict[str, Any]:
    return {
        "id": offer.id,
        "person": named.get(offer.patient_id),
        "role": TITLES[AccountableRole(offer.role)],
        "giver": directory.name_of(offer.giver),
        "receiver": directory.name_of(offer.receiver),
        "note": offer.note,
        "until": words.moment(offer.expires_at),
    }


def _role(actor: Actor) -> AccountableRole:
    return _ROLES.get(actor.role or "", AccountableRole.COORDINATOR)


def _me() -> Actor:
    actor = current_actor()
    if actor.practitioner is None:
        raise NotPermittedError("people are handed over between members of staff")
    return actor
