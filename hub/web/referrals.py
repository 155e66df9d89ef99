"""Taking a referral by form or telephone: describe the need, the hub finds the service."""

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from hub import clock, records
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.domain.referral_request import (
    Carer,
    Channel,
    ConsentGiven,
    Demographics,
    ReceiveReferral,
    Referrer,
    SafetyAlert,
)
from hub.services import referrals
from hub.services.referrals import ReferralReceipt
from hub.transaction import transaction
from hub.web import directory
from hub.web.forms import Filled, fill
from hub.web.forms.referral import PRIORITIES, ReferralForm
from hub.web.navigation import is_spor
from hub.web.presenters import people
from hub.web.rendering import page
from hub.web.site import blueprint


@blueprint.get("/referrals/new")
def new_referral_page() -> Response:
    actor = current_actor()
    given = {"person": "", "priority": "routine"}
    patient_id = request.args.get("person", "")
    if patient_id:
        given["person"] = records.read(actor, "Patient", patient_id).reference
    if not is_spor(actor):
        given["referrer"] = actor.display
    return _form(Filled({}, given))


@blueprint.post("/referrals/new")
def take_referral() -> Response | BaseResponse:
    actor = current_actor()
    form = fill(ReferralForm, request.form)
    if not form.is_right:
        return _form(form, 422)
    try:
        with transaction():
            receipt = referrals.receive(actor, _command(actor, form))
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        field = str(error.field) if str(error.field) in ReferralForm().fields else "reason"
        told = {field: f"{error.text[0].upper()}{error.text[1:]}."}
        return _form(Filled({}, form.given, told), 422)
    return redirect(_address_after(actor, receipt), code=303)


def _address_after(actor: Actor, receipt: ReferralReceipt) -> str:
    owner = receipt.task["owner"]["reference"]
    if is_spor(actor) and owner in actor.teams:
        return f"/spor/{receipt.task.id}"
    return "/referrals/thanks"


@blueprint.get("/referrals/thanks")
def thanks_page() -> Response:
    return page("spor/thanks.html")


def _command(actor: Actor, form: Filled) -> ReceiveReferral:
    sent = form.values
    by_phone = is_spor(actor)
    if sent["person"]:
        # Whoever refers must be able to see the person they name.
        person: str | Demographics = records.read(
            actor, "Patient", sent["person"].partition("/")[2]
        ).reference
    else:
        person = Demographics(
            nhs_number="".join(sent["nhs_number"].split()) or None,
            family=sent["family"],
            given=tuple(sent["given"].split()),
            birth_date=sent["born"],
            postcode=sent["postcode"] or None,
            phone=sent["phone"] or None,
        )
    return ReceiveReferral(
        person=person,
        reason=sent["reason"],
        referrer=Referrer(
            display=sent["referrer"],
            practitioner=None if by_phone else actor.practitioner,
            organization=None if by_phone else actor.organization,
            phone=sent["referrer_phone"] or None,
        ),
        channel=Channel.PHONE if by_phone else Channel.FORM,
        source=sent["source"],
        service=sent["service"] or None,
        priority=sent["priority"],
        consent=ConsentGiven(sent["consent"]),
        history=sent["history"],
        alerts=(SafetyAlert(sent["alert"], sent["alert_text"] or "See the referral"),)
        if sent["alert"]
        else (),
        carer=Carer(sent["carer"]) if sent["carer"] else None,
        falls={"yes": True, "no": False}.get(sent["falls"]),
    )


def _form(form: Filled, status: int = 200) -> Response:
    actor = current_actor()
    reference = form.given.get("person", "")
    patient = (
        records.read(actor, "Patient", reference.partition("/")[2]) if "/" in reference else None
    )
    return page(
        "spor/new.html",
        status,
        form=form,
        person=people.head(patient, clock.now()) if patient else None,
        priorities=list(PRIORITIES),
        services=[
            *directory.services(in_bundle=True),
            *directory.services(in_bundle=False),
        ],
        sources=directory.choices("referral-sources"),
        alerts=directory.choices("safety-alerts"),
    )
