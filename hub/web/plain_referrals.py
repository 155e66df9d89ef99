"""Several plain referrals accepted together: read, ticked one by one, saved with one button.

Safe means: routine, of somebody who is identified, for the service that the referrer asked for and
the hub suggests, and nothing on the board that somebody has to look at first. Each is accepted by
itself, under the version that was read; what has changed meanwhile is left, and said.
"""

from dataclasses import dataclass

from flask import Response, request

from fhir.outcomes import VersionConflictError
from hub import clock, records
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.queries import alerts as flags_of
from hub.queries import spor_board
from hub.queries.spor_board import Waiting
from hub.records import Record
from hub.services import definitions, identification, referrals, task_content, triage_inputs
from hub.services.referral_request_record import requested_service
from hub.transaction import transaction
from hub.web.presenters import referrals as referral_words
from hub.web.presenters.referrals import BoardRow
from hub.web.rendering import page
from hub.web.site import blueprint
from hub.web.spor import teams_shown

MOST = 20
"""Referrals of one page: as many as somebody reads before they press the button."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A referral that may be accepted together with others."""

    row: BoardRow
    version: int
    service: str
    service_name: str

    @property
    def key(self) -> str:
        return f"{self.row.id}/{self.version}"


@blueprint.get("/spor/plain")
def plain_referrals_page() -> Response:
    return _page([], [])


@blueprint.post("/spor/plain")
def accept_plain_referrals() -> Response:
    actor = current_actor()
    chosen = request.form.getlist("referral")
    found = {each.key: each for each in plain_of(actor)}
    accepted, left = [], []
    for key in chosen:
        each = found.get(key)
        if each is None:
            left.append("One has changed, or is not plain any more: it still waits on the board.")
            continue
        try:
            with transaction():
                referrals.accept(actor, each.row.id, version=each.version, service=each.service)
            accepted.append(f"{each.row.person.name}: {each.service_name}")
        except NotPermittedError:
            raise
        except (RuleError, VersionConflictError) as error:
            text = error.text if isinstance(error, RuleError) else "somebody else was faster"
            left.append(f"{each.row.person.name}: {text}.")
    if not chosen:
        left.append("Tick the referrals that you have read.")
    return _page(accepted, left)


def plain_of(actor: Actor) -> list[Plain]:
    """Return the plain referrals of the actor's front doors, in the order of the board."""
    waiting = spor_board.waiting(actor, teams_shown(actor))
    flags = flags_of.in_force(actor, {each.patient.id for each in waiting if each.patient})
    found = []
    for each in waiting:
        mine = flags.get(each.patient.id, []) if each.patient else []
        plain = _plain(each, mine)
        if plain is not None:
            found.append(plain)
    return found[:MOST]


def _plain(waiting: Waiting, flags: list[Record]) -> Plain | None:
    if waiting.request is None or waiting.patient is None or flags:
        return None
    row = referral_words.board_row(waiting, flags, clock.now())
    resource = waiting.task.resource
    inputs = triage_inputs.read(resource)
    speaks_against = (
        row.priority != "routine"
        or row.step
        or row.alerts
        or row.notes
        or inputs.ask_about_falls
        or inputs.door_rule
        or identification.is_untraced(waiting.patient)
        or task_content.owner(resource).startswith("Practitioner/")
    )
    suggested = inputs.suggested_service
    code = (suggested.reference or "").partition("/")[2] if suggested else ""
    service = definitions.current().services.get(code)
    # What was not asked for by its referrer is a suggestion to think about.
    asked_for = requested_service(waiting.request.resource)
    if service is None or not service.in_bundle or asked_for != code:
        return None
    if speaks_against:
        return None
    return Plain(row, waiting.task.version, service.code, service.name)


def _page(accepted: list[str], left: list[str]) -> Response:
    actor = current_actor()
    found = plain_of(actor)
    records.spool.looked(actor, "page", "spor-plain")
    return page("spor/plain.html", found=found, accepted=accepted, left=left)
