"""While a referral is taken: whether the hub knows the person, and what already waits for them."""

from datetime import timedelta
from typing import Any

from flask import Response, request

from hub import clock
from hub.auth import current_actor
from hub.domain import nhs_number
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError
from hub.queries import spor_board
from hub.records import Record
from hub.services import definitions, earlier_referrals, front_door
from hub.transaction import transaction
from hub.web import marks
from hub.web.presenters import people, words
from hub.web.rendering import fragment
from hub.web.site import blueprint

_DIGITS = 10
_MOST_SHOWN = 5


@blueprint.get("/referrals/known")
def known_person() -> Response:
    """The part of the form under the NHS number: shown while it is typed."""
    actor = current_actor()
    if not front_door.doors_of(actor):
        raise NotPermittedError("whether somebody is known is for the single point of referral")
    found = known(actor, request.args.get("nhs_number", ""))
    return fragment("spor/_known.html", marks.mark([str(found)]), {"known": found})


def known(actor: Actor, typed: str) -> dict[str, Any]:
    """Return what is known of an NHS number: nothing before its ten digits are there."""
    digits = "".join(typed.split()).replace("-", "")
    if len(digits) < _DIGITS:
        return {}
    if not nhs_number.is_valid(digits):
        return {"wrong": True}
    with transaction():
        found = front_door.people_with(actor, digits)
    if not found:
        return {"nobody": True}
    person = found[0]
    return {
        "person": people.head(person, clock.now()),
        "number": digits,
        "several": len(found) > 1,
        "waiting": _waiting(actor, person),
        "earlier": _earlier(person),
    }


def _waiting(actor: Actor, person: Record) -> list[dict[str, str]]:
    """Return what waits in triage for them, with its address."""
    return [
        {
            "href": f"/spor/{each.task.id}",
            "words": f"waits in triage since {words.moment(each.task.get('authoredOn'))}",
        }
        for each in spor_board.waiting(actor, front_door.doors_of(actor))
        if each.patient is not None and each.patient.id == person.id
    ]


def _earlier(person: Record) -> list[str]:
    """Return what was received for them lately, the last first."""
    hub = definitions.current()
    since = clock.now() - timedelta(days=hub.spor.duplicate_days)
    lately = [
        each
        for each in earlier_referrals.of_person(person.reference, but="")
        if each.received_at >= since
    ]
    lately.sort(key=lambda each: each.received_at, reverse=True)
    return [
        f"{_service(each.service)}, received {words.moment(each.received_at)}"
        for each in lately[:_MOST_SHOWN]
    ]


def _service(code: str | None) -> str:
    service = definitions.current().services.get(code or "")
    return service.name if service else "Advice"
