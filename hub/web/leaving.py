"""Leaving: what a member of staff holds, given on or allowed until a date, and their last day."""

from datetime import UTC, date, datetime, time
from typing import Any

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from hub import clock, records
from hub.auth import current_actor
from hub.domain import calendars
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.services import definitions, employment, leaving
from hub.services.leaving_holdings import PLURALS, Kind
from hub.transaction import transaction
from hub.web import directory
from hub.web.forms import Filled, fill
from hub.web.forms.accountability import LeaveForm, RehomeForm, TimeBoxForm
from hub.web.forms.reading import PageForm
from hub.web.presenters import words
from hub.web.rendering import page
from hub.web.site import blueprint

_BY_DEFINITION = frozenset({Kind.LEAD, Kind.DUTY_MANAGER})
_DONE = {
    "rehome": "Given on. Everybody who has to know has been told.",
    "keep": "Allowed until that day. The reminder is set.",
    "leave": "It is on the record. Nothing new goes to them from now on.",
}
_FORMS: dict[str, type[PageForm]] = {
    "rehome": RehomeForm,
    "keep": TimeBoxForm,
    "leave": LeaveForm,
}


@blueprint.get("/leaving")
def leaving_page() -> Response | BaseResponse:
    leaving.check_may(current_actor())
    hub = definitions.current()
    chosen = request.args.get("who", "").removeprefix("Practitioner/")
    if chosen in hub.staff:
        return redirect(f"/leaving/{chosen}", code=303)
    return page("leaving/find.html", staff=directory.colleagues())


@blueprint.get("/leaving/<username>")
def leaver_page(username: str) -> Response:
    return _leaver(_manager(username), username)


@blueprint.post("/leaving/<username>")
def settle_leaver(username: str) -> Response | BaseResponse:
    actor = _manager(username)
    verb = request.form.get("verb", "")
    if verb not in _FORMS:
        raise RuleError("choose what to do", field="verb")
    form = fill(_FORMS[verb], request.form)
    chosen = request.form.getlist("holding")
    if verb != "leave" and not chosen:
        form = Filled(form.values, form.given, {"holding": "Choose what", **form.errors})
    if not form.is_right:
        return _leaver(actor, username, form, 422)
    try:
        with transaction():
            _do(actor, username, verb, form.values, chosen)
    except leaving.StillHoldsError as error:
        said = f"Still theirs: {error.summary}. Give each on, or allow it until a day."
        return _leaver(actor, username, Filled({}, form.given, {"holding": said}), 409)
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        return _leaver(actor, username, Filled({}, form.given, {"holding": error.text}), 409)
    return redirect(f"/leaving/{username}?done={verb}", code=303)


def _do(actor: Actor, username: str, verb: str, values: Any, chosen: list[str]) -> None:
    who = f"Practitioner/{username}"
    if verb == "rehome":
        to = None if values["to"] == "rules" else values["to"]
        leaving.rehome(actor, who, chosen, to=to)
    elif verb == "keep":
        for key in chosen:
            until = _evening(values["until"])
            leaving.time_box(actor, who, key, until=until, owner=values["owner"])
    else:
        last = values["on"]
        today = last <= words.local(clock.now()).date()
        leaving.leave(actor, who, None if today else _evening(last))


def _leaver(actor: Actor, username: str, form: Filled | None = None, status: int = 200) -> Response:
    who = f"Practitioner/{username}"
    held = leaving.what_holds(who)
    departure = employment.departure(who)
    records.spool.looked(actor, "page", "leaving")
    groups = [
        {
            "title": PLURALS[kind][len(of_kind) != 1],
            "count": len(of_kind),
            "by_definition": kind in _BY_DEFINITION,
            "rows": [
                {
                    "key": each.key,
                    "words": each.words,
                    "until": words.day(each.until) if each.until else "",
                }
                for each in of_kind
            ],
        }
        for kind in Kind
        if (of_kind := [each for each in held if each.kind is kind])
    ]
    staff = [each for each in directory.colleagues() if each[0] != who]
    return page(
        "leaving/leaver.html",
        status,
        username=username,
        name=directory.name_of(who),
        role=directory.role_of(who),
        groups=groups,
        open_still=len(leaving.unsettled(held)),
        leaves=words.moment(departure.leaves_at) if departure else "",
        staff=staff,
        takers=[("rules", "By the rules (tasks, offers, standing in)"), *staff],
        form=form,
        done=_DONE.get(request.args.get("done", "")),
    )


def _evening(day: date) -> datetime:
    """Return the end of a day here."""
    home = calendars.zone(definitions.current().time_zone)
    return datetime.combine(day, time(23, 59), home).astimezone(UTC)


def _manager(username: str) -> Actor:
    actor = current_actor()
    leaving.check_may(actor)
    if username not in definitions.current().staff:
        raise NotFound
    return actor
