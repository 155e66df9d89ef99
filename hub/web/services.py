"""Services: who can help with what, for whom, where, and when."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.auth import current_actor
from hub.domain import calendars, service_finder
from hub.domain.capacity import Capacity
from hub.domain.definition import HubDefinition
from hub.domain.errors import NotPermittedError, RuleError
from hub.domain.service_finder import Asked, Found
from hub.services import capacity, definitions
from hub.transaction import transaction
from hub.web.presenters import words
from hub.web.rendering import page
from hub.web.site import blueprint

_OLDEST = 130
_ASKED = ("q", "at", "postcode", "age")


@blueprint.get("/services")
def services_page() -> Response:
    return _page()


@blueprint.post("/services/<service>/capacity")
def say_capacity(service: str) -> Response | BaseResponse:
    try:
        with transaction():
            capacity.say(current_actor(), service, _places(request.form.get("places", "").strip()))
    except NotPermittedError:
        raise
    except RuleError as error:
        return _page(error.text)
    # The search that was looked at stays in the address.
    kept = {name: request.args[name] for name in _ASKED if request.args.get(name)}
    return redirect(f"/services?{urlencode(kept)}#{service}", code=303)


def _places(given: str) -> int:
    if not (given.isascii() and given.isdigit()):
        raise RuleError("say a number of people, 0 where you are full", field="places")
    return int(given[:9])


def _page(problem: str = "") -> Response:
    if current_actor().practitioner is None:
        raise NotPermittedError("the directory is for those who work with the hub")
    hub = definitions.current()
    given = {name: request.args.get(name, "").strip() for name in _ASKED}
    at, wrong = _instant(hub, given["at"])
    problem = problem or wrong
    age = int(given["age"]) if given["age"].isdigit() and int(given["age"]) <= _OLDEST else None
    if given["age"] and age is None:
        problem = problem or f"an age is a number of years up to {_OLDEST}"
    asked = Asked(at, given["q"], given["postcode"], age)
    found = service_finder.find(hub, asked, capacity.current(), now=clock.now())
    return page(
        "spor/services.html",
        422 if problem else 200,
        given=given,
        problem=problem,
        when=words.moment(at),
        groups=[
            (title, rows)
            for title, rows in (
                ("Can help then", [_row(hub, e) for e in found if e.helps and e.is_open]),
                ("Can help later", [_row(hub, e) for e in found if e.helps and not e.is_open]),
                ("Not for them", [_row(hub, e) for e in found if not e.helps]),
            )
            if rows
        ],
    )


def _instant(hub: HubDefinition, given: str) -> tuple[datetime, str]:
    """Return the instant that is asked about, local time of the hub, and what is wrong with it."""
    if not given:
        return clock.now(), ""
    try:
        return datetime.fromisoformat(given).replace(tzinfo=calendars.zone(hub.time_zone)), ""
    except ValueError:
        return clock.now(), "a time is a date and an hour, such as 2026-11-29T19:00"


def _row(hub: HubDefinition, found: Found) -> dict[str, Any]:
    service = found.service
    clocks = [hub.clocks[service.clock].title]
    if service.urgent_clock and service.urgent_clock != service.clock:
        clocks.insert(0, hub.clocks[service.urgent_clock].title)
    return {
        "name": service.name,
        "summary": service.summary,
        "team": hub.teams[service.team].name,
        "opens": "" if found.is_open else words.moment(found.opens_at),
        "hours": hub.calendars[service.calendar].title,
        "clocks": clocks,
        "obstacles": "; ".join(found.obstacles),
        "outside": not service.in_bundle,
        "self": service.self_referral,
        "code": service.code,
        "capacity": _capacity(hub, found.capacity),
        "full": found.capacity is not None and found.capacity.is_full(clock.now()),
        "mine": capacity.may_say(current_actor(), service.code),
    }


def _capacity(hub: HubDefinition, said: Capacity | None) -> str:
    if said is None:
        return ""
    what = f"{words.plural(said.places, 'place')} free" if said.places else "Full"
    who = hub.staff.get(said.said_by.removeprefix("Practitioner/"))
    by = f" by {who.name}" if who else ""
    return f"{what}, said {words.since(said.said_at, clock.now())}{by}"
