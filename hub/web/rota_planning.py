"""What a lead does with the rota: put somebody on, report an absence, decide leave, import."""

import base64
import binascii

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.auth import current_actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.domain.rota_exchange import Act, Line
from hub.services import absences, definitions, rota, rota_changes, rota_exchange, rota_overrides
from hub.services.rota_exchange import Preview
from hub.transaction import transaction
from hub.web import directory
from hub.web.forms import Filled, fill
from hub.web.forms.rota import AbsenceForm, AddForm, AnswerForm, ImportForm
from hub.web.presenters import rota as rota_words
from hub.web.presenters import words
from hub.web.rendering import page
from hub.web.rota import asked_team, reader
from hub.web.site import blueprint

LARGEST_PAGE_FILE = 300_000
"""Bytes: what a page carries from its preview to its import. Larger files go over the API."""

ACTS = {
    Act.ADD: "New",
    Act.CHANGE: "Changed",
    Act.CANCEL: "Called off",
    Act.OLDER: "Older than the rota: left as it is",
    Act.SAME: "As it stands",
}


@blueprint.get("/rota/add")
def add_page() -> Response:
    return _add()


@blueprint.post("/rota/add")
def add_shift() -> Response | BaseResponse:
    form = fill(AddForm, request.form)
    if not form.is_right:
        return _add(form, 422)
    sent, team = form.values, asked_team(current_actor())
    try:
        with transaction():
            rota_overrides.put_on(
                current_actor(),
                sent["practitioner"],
                team=f"CareTeam/{team}",
                starts_at=sent["starts_at"],
                ends_at=sent["ends_at"],
                reason=sent["reason"],
                kind=sent["kind"],
                service=f"HealthcareService/{sent['service']}" if sent["service"] else None,
                areas=(sent["area"],) if sent["area"] else (),
            )
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        field = error.field if error.field in AddForm().fields else "practitioner"
        return _add(Filled({}, form.given, {field or "practitioner": f"{error.text}."}), 409)
    week = words.local(sent["starts_at"]).date().isoformat()
    return redirect(f"/rota?team={team}&week={week}&done=added", code=303)


@blueprint.get("/rota/absence")
def absence_page() -> Response:
    return _absence()


@blueprint.post("/rota/absence")
def report_absence() -> Response | BaseResponse:
    form = fill(AbsenceForm, request.form)
    if not form.is_right:
        return _absence(form, 422)
    sent = form.values
    try:
        with transaction():
            rota.report_absence(
                current_actor(),
                sent["practitioner"],
                starts_at=sent["starts_at"],
                ends_at=sent["ends_at"],
                reason=sent["absence_reason"],
            )
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        field = error.field if error.field in AbsenceForm().fields else "absence_reason"
        return _absence(Filled({}, form.given, {field or "": f"{error.text}."}), 422)
    return redirect(f"/rota?team={asked_team(current_actor())}&done=absence", code=303)


@blueprint.post("/rota/absences/<absence_id>/<verb>")
def change_absence(absence_id: str, verb: str) -> BaseResponse:
    actor = current_actor()
    with transaction():
        if verb == "end":
            absences.end(actor, absence_id)
        elif verb == "cancel":
            absences.cancel(actor, absence_id)
        else:
            raise NotFound
    if request.form.get("back") == "mine":
        return redirect(f"/rota/mine?done={'back' if verb == 'end' else 'cancelled'}", code=303)
    return redirect(f"/rota?team={asked_team(actor)}", code=303)


@blueprint.post("/rota/leave/<request_id>/<verb>")
def decide_leave(request_id: str, verb: str) -> BaseResponse:
    if verb not in {"grant", "decline"}:
        raise NotFound
    form = fill(AnswerForm, request.form)
    actor = current_actor()
    with transaction():
        absences.decide_leave(
            actor, request_id, grant=verb == "grant", answer=form.values.get("note") or None
        )
    return redirect(f"/rota?team={asked_team(actor)}&done={verb}", code=303)


@blueprint.get("/rota/import")
def import_page() -> Response:
    return _import()


@blueprint.post("/rota/import")
def preview_import() -> Response:
    """Show what a file would change: nothing is written yet."""
    sent = request.files.get("file")
    content = sent.read(LARGEST_PAGE_FILE + 1) if sent else b""
    if not content:
        return _import(Filled({}, {}, {"file": "Choose the file of the rota"}), 422)
    if len(content) > LARGEST_PAGE_FILE:
        told = "This file is too large for a page: send it over the API"
        return _import(Filled({}, {}, {"file": told}), 413)
    looks = content.lstrip(b"\xef\xbb\xbf \r\n").upper().startswith(b"BEGIN:")
    form = "ics" if looks else "csv"
    found = rota_exchange.preview(current_actor(), content, form, team=asked_team(current_actor()))
    return _import(found=found, form_name=form, content=content)


@blueprint.post("/rota/import/apply")
def apply_import() -> Response | BaseResponse:
    form = fill(ImportForm, request.form)
    actor = current_actor()
    team = asked_team(actor)
    content = _content(form.given.get("content", ""))
    if not form.is_right or content is None:
        return _import(Filled({}, form.given, {"file": "Choose the file again"}), 422)
    try:
        with transaction():
            rota_exchange.apply(
                actor, content, form.values["form"], team=team, reason=form.values["reason"]
            )
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        return _import(Filled({}, form.given, {"file": f"{error.text}."}), 409)
    return redirect(f"/rota?team={team}&done=import", code=303)


def _content(encoded: str) -> bytes | None:
    try:
        return base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        return None


def _add(form: Filled | None = None, status: int = 200) -> Response:
    actor = reader()
    team = asked_team(actor)
    rota_changes.check_may_plan(actor, f"CareTeam/{team}")
    definition = definitions.current()
    return page(
        "rota/add.html",
        status,
        team=team,
        team_name=definition.teams[team].name,
        staff=directory.colleagues(),
        services=[
            (each.code, each.name) for each in definition.services.values() if each.team == team
        ],
        areas=sorted((each.code, each.name) for each in definition.areas.values()),
        form=form,
    )


def _absence(form: Filled | None = None, status: int = 200) -> Response:
    actor = reader()
    team = asked_team(actor)
    mine = [(actor.practitioner or "", actor.display)] if actor.practitioner else []
    planned = [
        (f"Practitioner/{each.username}", each.name)
        for each in definitions.current().members(team)
        if rota_changes.may_plan(actor, f"CareTeam/{team}")
    ]
    return page(
        "rota/absence.html",
        status,
        team=team,
        staff=sorted({*mine, *planned}, key=lambda each: each[1]),
        me=actor.practitioner,
        reasons=[
            (code, text) for code, text in rota_words.ABSENCES.items() if code in rota.REASONS
        ],
        now=f"{words.local(clock.now()):%Y-%m-%dT%H:%M}",
        form=form,
    )


def _import(
    form: Filled | None = None,
    status: int = 200,
    *,
    found: Preview | None = None,
    form_name: str = "",
    content: bytes = b"",
) -> Response:
    actor = reader()
    team = asked_team(actor)
    rota_changes.check_may_plan(actor, f"CareTeam/{team}")
    lines = [_line(each) for each in found.lines] if found else []
    return page(
        "rota/import.html",
        status,
        team=team,
        team_name=definitions.current().teams[team].name,
        found=found,
        faults=found.faults if found else [],
        changes=[each for each in lines if each["does"]],
        counts=[(ACTS[act], found.count(act)) for act in Act if found.count(act)] if found else [],
        form_name=form_name,
        content=base64.b64encode(content).decode() if found and not found.faults else "",
        form=form,
    )


def _line(line: Line) -> dict[str, object]:
    each, before = line.entry, line.before
    starts, ends = words.local(each.starts_at), words.local(each.ends_at)
    hours = f"{starts:%a} {starts.day} {starts:%b} {starts:%H:%M} to {ends:%H:%M}"
    was = ""
    if before is not None and line.act is Act.CHANGE:
        from_, to = words.local(before.starts_at), words.local(before.ends_at)
        was = f"{rota_changes.name_of(before.username)}, {from_:%a} {from_.day} {from_:%b} "
        was += f"{from_:%H:%M} to {to:%H:%M}"
    return {
        "act": ACTS[line.act],
        "does": line.act in {Act.ADD, Act.CHANGE, Act.CANCEL},
        "who": rota_changes.name_of(each.username),
        "hours": hours,
        "was": was,
        "where": each.where,
    }
