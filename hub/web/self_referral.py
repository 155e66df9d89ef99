"""The public page: people refer themselves, or somebody they care for. It tells nothing."""

import secrets

from flask import Response, request
from werkzeug.exceptions import NotFound

from hub.domain.errors import RuleError, StateError
from hub.domain.referral_request import Carer, ConsentGiven, Demographics, ReceiveReferral, Referrer
from hub.services import definitions, self_referrals
from hub.transaction import transaction
from hub.web.forms import Filled, fill
from hub.web.forms.self_referral import WHOM, SelfReferralForm
from hub.web.rendering import page
from hub.web.site import blueprint

_FIELD = {"nhs_number": "reason", "service": "reason", "form": "reason"}


@blueprint.get("/refer-yourself")
def refer_yourself() -> Response:
    return page("referral/yourself.html", services=self_referrals.services(), phone=_phone())


@blueprint.get("/refer-yourself/<service>")
def refer_yourself_form(service: str) -> Response:
    return _form(service, Filled({}, {"form": secrets.token_urlsafe(32)}))


@blueprint.post("/refer-yourself/<service>")
def send_self_referral(service: str) -> Response:
    _service(service)
    form = fill(SelfReferralForm, request.form)
    if request.form.get("website"):
        told = {"reason": "This was not sent. If you are a person: leave nothing but your answers."}
        return _form(service, Filled({}, form.given, told), 422)
    if not form.is_right:
        return _form(service, form, 422)
    warnings = self_referrals.warnings(form.values["reason"])
    if warnings and not form.values["seen"]:
        return _form(service, form, 200, warnings=warnings)
    try:
        with transaction():
            sent = self_referrals.send(
                form.values["form"], request.remote_addr or "", _command(service, form)
            )
    except RuleError as error:
        name = str(error.field)
        field = name if name in SelfReferralForm().fields and name != "form" else "reason"
        told = {field: f"{error.text[0].upper()}{error.text[1:]}."}
        status = 429 if isinstance(error, StateError) else 422
        return _form(service, Filled({}, form.given, told), status)
    return page("referral/sent.html", receipt=sent.receipt, phone=_phone())


def _command(service: str, form: Filled) -> ReceiveReferral:
    sent = form.values
    for_me = sent["whom"] == "me"
    person = f"{sent['given']} {sent['family']}"
    agrees = for_me or sent["agrees"] == "yes"
    carer = None if for_me else Carer(sent["your_name"], sent["relationship"], sent["phone"])
    return ReceiveReferral(
        person=Demographics(
            family=sent["family"],
            given=tuple(sent["given"].split()),
            birth_date=sent["born"],
            postcode=sent["postcode"].upper(),
            phone=sent["phone"] if for_me else None,
        ),
        reason=sent["reason"],
        referrer=Referrer(display=person if for_me else sent["your_name"], phone=sent["phone"]),
        source="self" if for_me else "carer",
        service=service,
        consent=ConsentGiven.GIVEN if agrees else ConsentGiven.NOT_STATED,
        carer=carer,
    )


def _service(code: str) -> str:
    found = self_referrals.service(code)
    if found is None:
        raise NotFound(
            "People cannot refer themselves to this service. Ring us: we find who helps."
        )
    return found.name


def _form(service: str, form: Filled, status: int = 200, *, warnings: object = ()) -> Response:
    return page(
        "referral/self.html",
        status,
        service=service,
        name=_service(service),
        form=form,
        whom=WHOM,
        warnings=warnings,
        phone=_phone(),
    )


def _phone() -> str:
    hub = definitions.current()
    return hub.organisations[hub.hub_organisation].phone
