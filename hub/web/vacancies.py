"""Vacancies: people who must have somebody accountable and have nobody, until each is filled."""

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from hub import clock, records
from hub.auth import current_actor
from hub.domain.accountability import TITLES, AccountableRole, Holding
from hub.domain.actor import hub_actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.services import accountability, accountability_offers, vacancies
from hub.transaction import transaction
from hub.web import directory
from hub.web.forms import Filled, fill
from hub.web.forms.naming import NamingForm
from hub.web.navigation import VACANCIES
from hub.web.presenters import people, words
from hub.web.rendering import page
from hub.web.site import blueprint

STAFF_ROLES = {
    AccountableRole.GP: ("gp",),
    AccountableRole.COORDINATOR: ("care-coordinator",),
    AccountableRole.SOCIAL_WORKER: ("social-worker", "discharge-social-worker"),
}
"""Who can be named: the role of the hub definition that the name stands for."""
_WHY = {
    "never named": "Nobody has been named yet",
    "left": "The last one has left",
    "away": "Away for long",
}


@blueprint.get("/vacancies")
def vacancies_page() -> Response:
    actor = current_actor()
    if actor.role not in VACANCIES:
        raise NotPermittedError("vacancies are for care coordinators and managers")
    now = clock.now()
    # A manager counts and chases; who it is about is for those who care for the person. So a
    # manager gets every vacancy of the hub without a name, a coordinator their own with one.
    named = actor.role == "care-coordinator"
    found = accountability.vacancies(actor if named else hub_actor("vacancies"))
    records.spool.looked(actor, "page", "vacancies")
    return page(
        "vacancies/vacancies.html",
        named=named,
        rows=[
            {
                "person": people.line(each.patient, now) if named else None,
                "role": TITLES[each.vacancy.role],
                "code": each.vacancy.role.value,
                "since": words.day(each.vacancy.since) if each.vacancy.since else "",
                "why": _WHY.get(each.vacancy.reason, each.vacancy.reason),
                "left": directory.name_of(each.vacancy.left_by) if each.vacancy.left_by else "",
            }
            for each in found
        ],
        counts=[
            (TITLES[role], sum(1 for each in found if each.vacancy.role is role))
            for role in AccountableRole
        ],
        done="The new name is on the record." if "done" in request.args else "",
    )


@blueprint.get("/people/<patient_id>/accountable/<role>")
def naming_page(patient_id: str, role: str) -> Response:
    return _naming(patient_id, role)


@blueprint.post("/people/<patient_id>/accountable/<role>")
def name_somebody(patient_id: str, role: str) -> Response | BaseResponse:
    form = fill(NamingForm, request.form)
    if not form.is_right:
        return _naming(patient_id, role, form, 422)
    actor, practitioner = current_actor(), form.values["practitioner"]
    offered = _is_offered(_role(role), accountability.current(actor, patient_id))
    try:
        with transaction():
            if offered:
                accountability_offers.offer(actor, [patient_id], role=role, to=practitioner)
            else:
                accountability.name(actor, patient_id, role=role, practitioner=practitioner)
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        return _naming(patient_id, role, Filled({}, form.given, {"practitioner": error.text}), 422)
    done = "offered" if offered else "named"
    return redirect(f"/people/{patient_id}?done={done}", code=303)


def _is_offered(role: AccountableRole, held: dict[AccountableRole, Holding]) -> bool:
    """Say whether the role changes hands by an offer that is accepted.

    Care model, section 6: the coordinator keeps responsibility until handed over and accepted.
    Where nobody is there who could keep it, somebody is named.
    """
    holder = held.get(role)
    return (
        role is AccountableRole.COORDINATOR
        and holder is not None
        and holder.practitioner not in vacancies.long_absent(clock.now())
    )


def _naming(patient_id: str, role: str, form: Filled | None = None, status: int = 200) -> Response:
    actor = current_actor()
    wanted = _role(role)
    patient = records.read(actor, "Patient", patient_id)
    held = accountability.current(actor, patient_id)
    holder = held.get(wanted)
    return page(
        "vacancies/name.html",
        status,
        person=people.head(patient, clock.now()),
        title=TITLES[wanted],
        role=wanted.value,
        holder=directory.name_of(holder.practitioner) if holder else "",
        since=words.day(holder.start) if holder else "",
        offered=_is_offered(wanted, held),
        staff=directory.colleagues(STAFF_ROLES[wanted]),
        form=form,
    )


def _role(role: str) -> AccountableRole:
    try:
        return AccountableRole(role)
    except ValueError:
        raise RuleError("nobody is named for this role", field="role") from None
