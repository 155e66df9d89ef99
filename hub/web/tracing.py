"""Tracing: somebody decides who a referral is about, the record beside those who could be meant."""

from collections.abc import Callable
from typing import Any

from flask import Response, current_app, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from fhir.outcomes import VersionConflictError
from hub.adapters import demographics
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.domain.identity import Identity
from hub.records import Record
from hub.services import identification, national_trace, task_content, tracing
from hub.services.national_trace import NationalAnswer
from hub.transaction import transaction
from hub.web.presenters import words
from hub.web.rendering import page
from hub.web.site import blueprint

_FACTS: tuple[tuple[str, Callable[[Identity], Any]], ...] = (
    ("Family name", lambda who: who.family),
    ("Given names", lambda who: " ".join(who.given)),
    ("Born", lambda who: words.day(who.birth_date) if who.birth_date else None),
    ("NHS number", lambda who: words.nhs_number(who.nhs_number)),
    ("Gender", lambda who: who.gender),
    ("Postcode", lambda who: who.postcode),
    ("Phone", lambda who: who.phone),
)


_NATIONAL = "national"
_SAID = {
    "found": "The national service has found one person: see the last column.",
    "nobody": "The national service has found nobody with these names and this birthday.",
    "several": "The national service has more than one person like this: ask for more, such as"
    " the postcode.",
    "not-enough": "The national service needs a valid NHS number, or family name and date of"
    " birth.",
    "not-connected": "No national service is connected to this hub.",
    "unavailable": "The national service does not answer at the moment: try again.",
}


@blueprint.get("/tracing/<task_id>")
def tracing_page(task_id: str) -> Response:
    return _page(task_id)


@blueprint.post("/tracing/<task_id>")
def decide_who(task_id: str) -> Response | BaseResponse:
    try:
        with transaction():
            _decide(current_actor(), task_id)
    except NotPermittedError:
        raise
    except RuleError as error:
        return _page(task_id, error.text, 422)
    except VersionConflictError:
        return _page(task_id, "somebody else has changed this task: look again", 409)
    return redirect("/worklist?done=complete", code=303)


@blueprint.post("/tracing/<task_id>/national")
def ask_national_service(task_id: str) -> Response | BaseResponse:
    actor, problem, status = current_actor(), "", 200
    try:
        version = _version(request.form.get("version", ""))
        with transaction():
            wanted = national_trace.wanted(actor, task_id)
        # Outside of any transaction: a slow service must not hold a lock or a connection.
        service = current_app.extensions.get("carehub_demographics") or demographics.of(
            current_app.config["CAREHUB"]
        )
        traced = service.trace(wanted)
        with transaction():
            national_trace.keep(actor, task_id, traced, version=version)
    except NotPermittedError:
        raise
    except RuleError as error:
        problem, status = error.text, 422
    except VersionConflictError:
        problem, status = "somebody else has changed this task: look again", 409
    if problem:
        return _page(task_id, problem, status)
    return redirect(f"/tracing/{task_id}", code=303)


def _decide(actor: Actor, task_id: str) -> None:
    version = _version(request.form.get("version", ""))
    who, number = request.form.get("who", ""), request.form.get("number", "").strip()
    if who == "new":
        tracing.confirm(actor, task_id, version=version, number=number or None)
        return
    if who == _NATIONAL:
        national_trace.accept(actor, task_id, version=version)
        return
    meant = {record.reference for record, _ in tracing.question(actor, task_id).suggested}
    if who not in meant:
        raise RuleError("choose who this is", field="who")
    tracing.link(actor, task_id, version=version, patient=who)


def _version(given: str) -> int:
    if not given.isascii() or not given.isdigit():
        raise RuleError("the form is not whole: load the page again", field="version")
    return int(given)


def _page(task_id: str, problem: str = "", status: int = 200) -> Response:
    asked = tracing.question(current_actor(), task_id)
    found = [identification.identity_of(record) for record, _ in asked.suggested]
    mine = identification.identity_of(asked.untraced)
    national = national_trace.read(asked.task.resource)
    people = [
        {"reference": record.reference, "name": _name(record), "why": why}
        for record, why in asked.suggested
    ]
    if national is not None and national.person is not None:
        found.append(national.person)
        people.append(_nationally(national))
    return page(
        "spor/tracing.html",
        status,
        task=asked.task,
        open=task_content.is_open(asked.task.resource),
        people=people,
        national=_SAID[national.verdict.value] if national else "",
        national_at=words.moment(national.at) if national else "",
        rows=[_row(name, fact, mine, found) for name, fact in _FACTS],
        chosen=request.form.get("who", ""),
        number=request.form.get("number", ""),
        problem=problem,
    )


def _row(
    name: str, fact: Callable[[Identity], Any], mine: Identity, found: list[Identity]
) -> dict[str, Any]:
    said = fact(mine) or ""
    return {
        "name": name,
        "said": said,
        # What was not said differs from nothing.
        "known": [
            {"text": text, "differs": bool(said and text and _plain(said) != _plain(text))}
            for text in (fact(each) or "" for each in found)
        ],
    }


def _plain(text: str) -> str:
    return "".join(text.casefold().split())


def _nationally(answer: NationalAnswer) -> dict[str, str]:
    assert answer.person is not None
    why = ["found by the national service"]
    if answer.deceased:
        why.append(f"died{'' if answer.deceased == 'yes' else f' on {answer.deceased}'}")
    if answer.restricted:
        why.append("restricted: nothing of where they live may be shown")
    name = _full_name(answer.person)
    return {"reference": _NATIONAL, "name": f"{name} (national)", "why": "; ".join(why)}


def _name(record: Record) -> str:
    return _full_name(identification.identity_of(record))


def _full_name(who: Identity) -> str:
    return f"{' '.join(who.given)} {who.family or ''}".strip() or "No name"
