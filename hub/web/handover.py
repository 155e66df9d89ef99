"""Handover: what those who come on shift must hear, acknowledged line by line."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from hub import clock, records
from hub.auth import current_actor
from hub.db import db
from hub.domain.errors import NotPermittedError, RuleError
from hub.models.handover import HandoverLine, HandoverPack
from hub.records import Record
from hub.services import handover
from hub.services.handover import Counts
from hub.transaction import transaction
from hub.web import directory
from hub.web.presenters import people, words
from hub.web.rendering import page
from hub.web.site import blueprint

KINDS = {
    "breached": "Late",
    "alert": "Alert",
    "urgent": "Urgent",
    "due": "Due",
    "left": "Owner off shift",
    "hold": "On hold",
    "unowned": "Nobody has it",
    "cover": "Rota",
    "changed": "New",
}
_PAGES = {"Task": "/worklist/", "CoverHole": "/cover/holes/"}
_EARLIER = 3
"""Packs before the last one that a page names."""
_AT_ONCE = 50
"""Lines on one page: what is ticked there has been seen."""


@blueprint.get("/handover")
def handover_page() -> Response:
    """The last pack, or which team has how much to hear for somebody of several."""
    packs = handover.packs_of(_teams())
    if len(packs) == 1:
        return _pack_page(packs[0])
    counts = handover.counts_of(pack.id for pack in packs)
    listed = [_head(pack, counts.get(pack.id, Counts())) for pack in packs]
    listed.sort(key=lambda pack: (-pack["critical"], -pack["unread"], pack["team"]))
    return page("handover/handovers.html", packs=listed)


@blueprint.get("/handover/<pack_id>")
def handover_pack_page(pack_id: str) -> Response:
    return _pack_page(_own_pack(pack_id))


@blueprint.post("/handover/<pack_id>")
def acknowledge_handover(pack_id: str) -> Response | BaseResponse:
    pack = _own_pack(pack_id)
    try:
        with transaction():
            read = handover.acknowledge(current_actor(), request.form.getlist("line"))
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        return _pack_page(pack, error.text, 422)
    return redirect(f"/handover/{pack_id}?{_place(_start(), read=read)}", code=303)


def _teams() -> Iterable[str]:
    actor = current_actor()
    if actor.practitioner is None:
        raise NotPermittedError("a handover belongs to a team")
    return actor.teams


def _own_pack(pack_id: str) -> HandoverPack:
    pack = db.session.get(HandoverPack, pack_id)
    if pack is None or pack.team not in _teams():
        raise NotFound
    return pack


def _start() -> int:
    """Return the first line of this page, from 0: the address counts from 1."""
    given = request.args.get("from", "1")
    return max(int(given), 1) - 1 if given.isascii() and given.isdigit() and len(given) < 7 else 0


def _place(start: int, **more: int) -> str:
    return urlencode(({"from": start + 1} if start else {}) | more)


def _pack_page(pack: HandoverPack, problem: str = "", status: int = 200) -> Response:
    actor, start = current_actor(), _start()
    counts = handover.counts_of([pack.id]).get(pack.id, Counts())
    lines = handover.lines_of(pack.id, start=start, count=_AT_ONCE)
    known = records.read_many(actor, {line.patient for line in lines if line.patient})
    records.spool.looked(actor, "page", "handover")
    read = request.args.get("read", "")
    before = handover.earlier(pack, count=_EARLIER)
    return page(
        "handover/handover.html",
        status,
        pack=_head(pack, counts),
        lines=[_line(line, known) for line in lines],
        unread_here=any(line.acknowledged_at is None for line in lines),
        action=f"/handover/{pack.id}?{_place(start)}",
        first=start + 1,
        last=start + len(lines),
        before=f"/handover/{pack.id}?{_place(max(start - _AT_ONCE, 0))}" if start else None,
        after=(
            f"/handover/{pack.id}?{_place(start + _AT_ONCE)}"
            if start + len(lines) < counts.lines
            else None
        ),
        earlier=[{"at": words.moment(each.at), "href": f"/handover/{each.id}"} for each in before],
        several=len(set(_teams())) > 1,
        problem=problem,
        done=f"{words.plural(int(read), 'line')} acknowledged." if read.isdigit() else "",
    )


def _head(pack: HandoverPack, counts: Counts) -> dict[str, Any]:
    return {
        "href": f"/handover/{pack.id}",
        "team": directory.name_of(pack.team),
        "at": words.moment(pack.at),
        "since": words.moment(pack.since),
        "until": words.moment(pack.until),
        "lines": counts.lines,
        "unread": counts.unread,
        "critical": counts.critical,
    }


def _line(line: HandoverLine, known: dict[str, Record]) -> dict[str, object]:
    kind, _, record_id = line.subject.partition("/")
    person = known.get(line.patient or "")
    return {
        "id": line.id,
        "kind": KINDS.get(line.kind, line.kind),
        "critical": line.critical,
        "words": line.words,
        "person": people.line(person, clock.now()) if person else None,
        "hidden": line.patient is not None and person is None,
        "clock": words.time_left(line.due_at, clock.now()),
        "href": f"{_PAGES[kind]}{record_id}" if kind in _PAGES else None,
        "read_by": directory.name_of(line.acknowledged_by) if line.acknowledged_by else "",
        "read_at": words.moment(line.acknowledged_at) if line.acknowledged_at else "",
    }
