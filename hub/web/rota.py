"""The rota of a team: a week at a glance, and its file for a calendar or a spreadsheet."""

from datetime import date, datetime, time, timedelta

from flask import Response, request

from hub import clock
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.queries import rota as rota_query
from hub.services import definitions, rota_changes, rota_exchange
from hub.web.navigation import MANAGEMENT
from hub.web.presenters import rota as rota_words
from hub.web.presenters import words
from hub.web.rendering import page
from hub.web.site import blueprint

_DONE = {
    "added": "The shift is on the rota.",
    "take-off": "The shift is off the rota.",
    "absence": "The absence is recorded. Open work has been given to others.",
    "import": "The rota is imported.",
    "grant": "The leave is granted.",
    "decline": "The leave is declined.",
}
_TYPES = {"ics": "text/calendar; charset=utf-8", "csv": "text/csv; charset=utf-8"}
_EXPORT = timedelta(weeks=8)
"""A file reaches from the Monday shown this far ahead."""


@blueprint.get("/rota")
def rota_page() -> Response:
    actor = reader()
    team, monday = asked_team(actor), asked_monday()
    start, end = span_of(monday)
    reference = f"CareTeam/{team}"
    shifts = rota_query.shifts(reference, start, end)
    members = {f"Practitioner/{each.username}" for each in definitions.current().members(team)}
    people = sorted(members | {each.practitioner for each in shifts}, key=rota_changes.name_of)
    absences = rota_query.absences(people, start, end)
    plans = rota_changes.may_plan(actor, reference)
    today = words.local(clock.now()).date()
    return page(
        "rota/week.html",
        team=team,
        team_name=definitions.current().teams[team].name,
        teams=team_choices(),
        monday=monday,
        sunday=monday + timedelta(days=6),
        before=(monday - timedelta(days=7)).isoformat(),
        after=(monday + timedelta(days=7)).isoformat(),
        this_week=monday <= today <= monday + timedelta(days=6),
        days=[(monday + timedelta(days=n), monday + timedelta(days=n) == today) for n in range(7)],
        rows=rota_words.week(
            people,
            shifts,
            absences,
            monday,
            today,
            reasons_for=frozenset(people if plans else [actor.practitioner or ""]),
        ),
        plans=plans,
        absences=[rota_words.absence_line(each, clock.now()) for each in absences] if plans else [],
        leave=[
            rota_words.leave_line(each)
            for each in (rota_query.leave_requests(people) if plans else ())
            if each.practitioner != actor.practitioner
        ],
        works=bool(actor.practitioner),
        done=_DONE.get(request.args.get("done", "")),
    )


@blueprint.get("/rota/export.<form>")
def rota_export(form: str) -> Response:
    actor = reader()
    if form not in _TYPES:
        raise RuleError("the rota comes as a calendar or as a table", field="form")
    start = span_of(asked_monday())[0]
    mine = request.args.get("who") == "me"
    team = asked_team(actor)
    content = rota_exchange.export(
        form,
        start=start,
        end=start + _EXPORT,
        team=None if mine else team,
        practitioner=actor.practitioner if mine else None,
    )
    response = Response(content, content_type=_TYPES[form])
    name = "my-shifts" if mine else f"rota-{team}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return response


def reader() -> Actor:
    """Return who asks, where they are one of the hub's staff."""
    actor = current_actor()
    if actor.practitioner is None and actor.role not in MANAGEMENT:
        raise NotPermittedError("the rota is for the hub's staff")
    return actor


def asked_team(actor: Actor) -> str:
    """Return the code of the team asked for; without one, the first of the actor's own."""
    teams = definitions.current().teams
    mine = [each.removeprefix("CareTeam/") for each in sorted(actor.teams)]
    code = request.values.get("team") or next((each for each in mine if each in teams), "")
    if not code:
        code = next(iter(teams))
    if code not in teams:
        raise RuleError("there is no such team", field="team")
    return code


def asked_monday() -> date:
    """Return the Monday of the week asked for; without one, of this week."""
    try:
        day = date.fromisoformat(request.args["week"])
    except (KeyError, ValueError):
        day = words.local(clock.now()).date()
    day = min(max(day, date(2000, 1, 3)), date(2100, 1, 1))
    return day - timedelta(days=day.weekday())


def span_of(monday: date) -> tuple[datetime, datetime]:
    start, end = (
        datetime.combine(day, time(), words.LONDON) for day in (monday, monday + timedelta(days=7))
    )
    return start, end


def team_choices() -> list[tuple[str, str]]:
    teams = definitions.current().teams.values()
    return sorted(((each.code, each.name) for each in teams), key=lambda each: each[1])
