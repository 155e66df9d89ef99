"""Taking a referral by form or telephone: describe the need, the hub finds the service."""

from flask import Response, current_app, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.auth import current_actor
from hub.domain import file_kinds
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.domain.referral_request import (
    Attachment,
    Carer,
    Channel,
    ConsentGiven,
    Demographics,
    ReceiveReferral,
    Referrer,
    SafetyAlert,
)
from hub.records import Record
from hub.services import front_door, referrals
from hub.services.referrals import ReferralReceipt
from hub.transaction import transaction
from hub.web import directory
from hub.web.forms import Filled, fill
from hub.web.forms.referral import PRIORITIES, ReferralForm
from hub.web.known import known
from hub.web.navigation import is_spor
from hub.web.presenters import people, words
from hub.web.rendering import page
from hub.web.site import blueprint


@blueprint.get("/referrals/new")
def new_referral_page() -> Response:
    actor = current_actor()
    given = {"person": "", "priority": "routine"}
    patient_id = request.args.get("person", "")
    given["nhs_number"] = request.args.get("nhs_number", "")
    if patient_id:
        given["person"] = _named(actor, patient_id, given["nhs_number"]).reference
    if not is_spor(actor):
        given["referrer"] = actor.display
    return _form(Filled({}, given))


@blueprint.post("/referrals/new")
def take_referral() -> Response | BaseResponse:
    actor = current_actor()
    form = fill(ReferralForm, request.form)
    letter, wrong = _letter()
    if wrong:
        return _form(Filled({}, form.given, {**form.errors, "document": wrong}), 422)
    if not form.is_right:
        return _form(form, 422)
    try:
        with transaction():
            receipt = referrals.receive(actor, _command(actor, form, letter))
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


def _named(actor: Actor, patient_id: str, number: str) -> Record:
    with transaction():
        return front_door.named_by(actor, patient_id, number)


@blueprint.get("/referrals/thanks")
def thanks_page() -> Response:
    return page("spor/thanks.html")


def _letter() -> tuple[Attachment | None, str]:
    """Return the file of a letter and what is wrong with it."""
    sent = request.files.get("document")
    if sent is None or not sent.filename:
        return None, ""
    largest = current_app.config["CAREHUB"].letter_mb * 1_000_000
    content = sent.read(largest + 1)
    if len(content) > largest:
        return None, f"This file is larger than {largest // 1_000_000} MB"
    kind = file_kinds.kind_of(content)
    if kind is None:
        return None, "A letter is a PDF, a PNG or JPEG picture, or plain text"
    return Attachment("The letter as it came", kind, content), ""


def _command(actor: Actor, form: Filled, letter: Attachment | None) -> ReceiveReferral:
    sent = form.values
    by_phone = is_spor(actor)
    by_letter = by_phone and sent["door"] == "letter"
    if sent["person"]:
        # Whoever refers must be able to see the person they name.
        person: str | Demographics = front_door.named_by(
            actor, sent["person"].partition("/")[2], sent["nhs_number"]
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
        channel=Channel.LETTER if by_letter else Channel.PHONE if by_phone else Channel.FORM,
        attachments=(letter,) if letter else (),
        received=sent["received"].replace(tzinfo=words.LONDON)
        if by_letter and sent["received"]
        else None,
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
    number = form.given.get("nhs_number", "")
    patient = _named(actor, reference.partition("/")[2], number) if "/" in reference else None
    return page(
        "spor/new.html",
        status,
        form=form,
        asks_known=is_spor(actor),
        known=known(actor, form.given.get("nhs_number", "")) if is_spor(actor) else {},
        person=people.head(patient, clock.now()) if patient else None,
        priorities=list(PRIORITIES),
        services=[
            *directory.services(in_bundle=True),
            *directory.services(in_bundle=False),
        ],
        sources=directory.choices("referral-sources"),
        alerts=directory.choices("safety-alerts"),
    )
