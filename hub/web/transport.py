"""Patient transport asked for on a person's page: needs ticked, entitled or not said at once."""

from typing import Any

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from hub import clock, records
from hub.auth import current_actor
from hub.domain import calendars
from hub.domain.errors import NotPermittedError, RuleError
from hub.services import definitions, transport
from hub.services.transport import Journey
from hub.transaction import transaction
from hub.web.forms import Filled, fill
from hub.web.forms.transport import TransportForm
from hub.web.presenters import people
from hub.web.rendering import page
from hub.web.site import blueprint


@blueprint.get("/people/<patient_id>/transport")
def transport_page(patient_id: str) -> Response:
    return _page(patient_id, Filled({}, {}))


@blueprint.post("/people/<patient_id>/transport")
def ask_for_transport(patient_id: str) -> Response | BaseResponse:
    form = fill(TransportForm, request.form)
    if not form.is_right:
        return _page(patient_id, form, 422)
    try:
        with transaction():
            asked = transport.ask(current_actor(), f"Patient/{patient_id}", _journey(form))
    except NotPermittedError:
        raise
    except RuleError as error:
        told = {str(error.field): f"{error.text[0].upper()}{error.text[1:]}."}
        return _page(patient_id, Filled({}, form.given, told), 422)
    return redirect(
        f"/people/{patient_id}?done=transport-{asked.eligibility.result.value}", code=303
    )


def _journey(form: Filled) -> Journey:
    sent: Any = form.values
    here = calendars.zone(definitions.current().time_zone)
    return Journey(
        start=sent["start"],
        to=sent["to"],
        be_there_at=sent["at"].replace(tzinfo=here),
        needs=tuple(request.form.getlist("needs")),
        way_back=sent["back"] == "yes",
        note=sent["note"],
    )


def _page(patient_id: str, form: Filled, status: int = 200) -> Response:
    needs = transport.needs()
    if not needs:
        raise NotFound
    person = records.read(current_actor(), "Patient", patient_id)
    return page(
        "people/transport.html",
        status,
        person=people.head(person, clock.now()),
        form=form,
        needs=needs,
        chosen=request.form.getlist("needs"),
    )
