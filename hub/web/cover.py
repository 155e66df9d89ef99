"""Cover: fourteen days by team and service, and what is done about each hole."""

from collections.abc import Sequence
from typing import Any

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from hub import clock, records
from hub.auth import current_actor
from hub.domain import cover_access, cover_words
from hub.domain.actor import Actor
from hub.domain.cover import Share
from hub.domain.cover_of_hub import needs_of
from hub.domain.definition import HubDefinition
from hub.domain.errors import NotPermittedError, RuleError
from hub.models.cover_hole import CoverHole
from hub.queries import cover as cover_query
from hub.services import cover, cover_people, cover_view, definitions
from hub.transaction import transaction
from hub.web import directory
from hub.web.forms import Filled, fill
from hub.web.forms.cover import AcknowledgeForm, AnswerForm
from hub.web.presenters import cover as laid_out
from hub.web.presenters import words
from hub.web.rendering import page
from hub.web.site import blueprint

_DONE = {
    "acknowledged": "You have taken this on.",
    "asked": "They have been asked. Their answer comes to the lead of the team.",
    "answered": "Thank you. The lead of the team has been told.",
}


def may_see() -> tuple[Actor, HubDefinition]:
    """Return who looks and the hub; raises NotPermittedError for all but leads and managers."""
    actor, hub = current_actor(), definitions.current()
    if not cover_access.may_see(hub, actor):
        raise NotPermittedError("the cover is for team leads and managers")
    return actor, hub


@blueprint.get("/cover")
def cover_page() -> Response:
    actor, hub = may_see()
    now = clock.now()
    open_holes = cover_query.open_holes()
    chosen = chosen_of(hub, actor, open_holes)
    kind, _, code = chosen.partition("/")
    needs = cover_view.needs_for(hub, **{kind: code})
    skill = request.args.get("skill", "")
    skills = _skills(hub, hub.services[code].team if kind == "service" else code)
    if skill in dict(skills):
        needs = cover_view.about_skill(needs, skill)
    start, end = cover_view.fortnight(hub)
    found = cover_view.covered(needs, start, end)
    shown = {need.code for need in needs}
    records.spool.looked(actor, "page", "cover")
    return page(
        "cover/cover.html",
        chosen=chosen,
        title=_title(hub, chosen),
        choices=choices(hub),
        skill=skill if skill in dict(skills) else "",
        skills=skills,
        grids=[laid_out.grid(hub, each, open_holes, now) for each in found],
        holes=[
            laid_out.line(hub, each, now)
            for each in open_holes
            if each.need in shown or each.need == f"{cover.URGENT}{code}"
        ],
        everywhere=len(open_holes),
        **_quality(hub, open_holes),
    )


def choices(hub: HubDefinition) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return (group, (value, words)) of what can be looked at."""
    return [
        ("Teams", sorted(((f"team/{t.code}", t.name) for t in hub.teams.values()), key=_second)),
        (
            "Services",
            sorted(
                ((f"service/{s.code}", s.name) for s in hub.services.values() if s.in_bundle),
                key=_second,
            ),
        ),
    ]


def chosen_of(hub: HubDefinition, actor: Actor, holes: Sequence[CoverHole] = ()) -> str:
    """Return what the address asks for: else the actor's own team, or that of the next hole."""
    said = request.args.get("of", "")
    if any(said == value for _, group in choices(hub) for value, _ in group):
        return said
    own = cover_access.leads(hub, actor)
    if own:
        return f"team/{own[0]}"
    nearest = (hole.team.removeprefix("CareTeam/") for hole in holes)
    return f"team/{next((team for team in nearest if team in hub.teams), next(iter(hub.teams)))}"


@blueprint.get("/cover/holes/<hole_id>")
def hole_page(hole_id: str) -> Response:
    return _hole(hole_id)


@blueprint.post("/cover/holes/<hole_id>/acknowledge")
def acknowledge_hole(hole_id: str) -> Response | BaseResponse:
    form = fill(AcknowledgeForm, request.form)
    if not form.is_right:
        return _hole(hole_id, form, 422)
    return _do(
        hole_id,
        form,
        "acknowledged",
        lambda actor: cover_people.acknowledge(actor, hole_id, note=form.values["note"] or None),
    )


@blueprint.post("/cover/holes/<hole_id>/ask")
def ask_people(hole_id: str) -> Response | BaseResponse:
    staff = request.form.getlist("staff")
    form = Filled({}, {})
    return _do(hole_id, form, "asked", lambda actor: cover_people.ask(actor, hole_id, staff))


@blueprint.post("/cover/holes/<hole_id>/answer")
def answer_for_hole(hole_id: str) -> Response | BaseResponse:
    form = fill(AnswerForm, request.form)
    if not form.is_right:
        return _hole(hole_id, form, 422)
    can = form.values["can"] == "yes"
    return _do(
        hole_id, form, "answered", lambda actor: cover_people.answer(actor, hole_id, can=can)
    )


def _do(hole_id: str, form: Filled, done: str, act: Any) -> Response | BaseResponse:
    _row(hole_id)
    try:
        with transaction():
            act(current_actor())
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        field = error.field or "hole"
        return _hole(hole_id, Filled({}, form.given, {field: f"{error.text}."}), 409)
    return redirect(f"/cover/holes/{hole_id}?done={done}", code=303)


def _row(hole_id: str) -> CoverHole:
    row = cover_query.hole(hole_id)
    if row is None:
        raise NotFound
    return row


def _hole(hole_id: str, form: Filled | None = None, status: int = 200) -> Response:
    actor, hub = current_actor(), definitions.current()
    row = _row(hole_id)
    asked = cover_people.was_asked(actor, hole_id)
    if not asked and not cover_access.may_see(hub, actor):
        raise NotPermittedError("the cover is for team leads and managers, and those they ask")
    acts = row.closed_at is None and cover_access.may_act(hub, actor, row.team)
    offer = cover_people.offer(hole_id) if acts else None
    return page(
        "cover/hole.html",
        status,
        hole=laid_out.line(hub, row, clock.now()),
        back=f"/cover?of=team/{row.team.removeprefix('CareTeam/')}",
        sees=cover_access.may_see(hub, actor),
        is_open=row.closed_at is None,
        acts=acts,
        acknowledged=row.acknowledged_at is not None,
        asked=asked,
        past=laid_out.past(row, cover_query.alarms_of(hole_id)),
        offered=cover_words.when(*offer.span, hub.time_zone) if offer else "",
        is_part=bool(offer and offer.span[1] < row.ends_at),
        could=[laid_out.person(hub, e) for e in offer.standings if e.bar is None] if offer else [],
        cannot=[laid_out.person(hub, e) for e in offer.standings if e.bar is not None]
        if offer
        else [],
        answers=[
            (words.moment(each.created_at), each.line)
            for each in cover_query.notices_of(hole_id, cover_people.ANSWERED)
        ],
        were_asked={each.recipient for each in cover_query.notices_of(hole_id, cover_people.ASKED)},
        done=_DONE.get(request.args.get("done", ""), ""),
        form=form,
    )


def _title(hub: HubDefinition, chosen: str) -> str:
    kind, _, code = chosen.partition("/")
    return hub.services[code].name if kind == "service" else hub.teams[code].name


def _skills(hub: HubDefinition, team: str) -> list[tuple[str, str]]:
    found = {skill for person in hub.members(team) for skill in person.skills} | {
        skill for need in needs_of(hub) if need.team == f"CareTeam/{team}" for skill in need.skills
    }
    return sorted(((each, directory.words_of("skills", each)) for each in found), key=_second)


def _quality(hub: HubDefinition, holes: Sequence[CoverHole]) -> dict[str, Any]:
    """Return the share of needed hours that is covered, whole and by team and service."""
    back = cover_view.looking_back()
    start, end = cover_view.fortnight(hub)
    ahead, before = cover.shares(max(start, clock.now()), end), cover.shares(*back)
    totals: dict[str, list[Share]] = {}
    for need in needs_of(hub):
        keys = ["", f"team/{need.team.removeprefix('CareTeam/')}"]
        keys += [f"service/{need.service}"] if need.service else []
        for key in keys:
            had = totals.setdefault(key, [Share(), Share()])
            had[0] += ahead[need.code]
            had[1] += before[need.code]
    rows = []
    for _, group in choices(hub):
        for value, name in group:
            if value in totals:
                kind, _, code = value.partition("/")
                count = sum(
                    1
                    for hole in holes
                    if (
                        hole.service == code
                        if kind == "service"
                        else hole.team.endswith(f"/{code}")
                    )
                )
                rows.append((kind, value, name, *map(laid_out.percent, totals[value]), count))
    return {
        "quality": rows,
        "ahead": laid_out.percent(totals[""][0]),
        "before": laid_out.percent(totals[""][1]),
        "since": words.day(back[0]),
    }


def _second(pair: tuple[str, str]) -> str:
    return pair[1]
