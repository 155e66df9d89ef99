"""The workbench of messages: what came, what became of it, and what is in quarantine mended."""

from typing import Any

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from hub import records
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.models.message import QUARANTINED, REFUSED, STATUSES, InboxMessage
from hub.services import document_messages, outgoing_messages, quarantine
from hub.transaction import transaction
from hub.web.navigation import is_spor
from hub.web.presenters import words
from hub.web.rendering import page
from hub.web.site import blueprint

_NAMES = {
    "quarantined": "In quarantine",
    "refused": "Refused",
    "duplicate": "Came twice",
    "processed": "Done",
}


@blueprint.get("/messages")
def messages_page() -> Response:
    actor = desk()
    asked = request.args.get("status", QUARANTINED)
    status = asked if asked in STATUSES else QUARANTINED
    found = quarantine.listed(status, before=request.args.get("before"))
    shown = found[: quarantine.AT_ONCE]
    records.spool.looked(actor, "page", "messages")
    return page(
        "messages/messages.html",
        status=status,
        tabs=_NAMES.items(),
        rows=[_row(each) for each in shown],
        after=shown[-1].id if len(found) > len(shown) else "",
        untold=sum(outgoing_messages.counts().values()),
    )


@blueprint.get("/messages/<message_id>")
def message_page(message_id: str) -> Response:
    return _page(desk(), message_id)


@blueprint.post("/messages/<message_id>/replay")
def replay_message(message_id: str) -> Response | BaseResponse:
    actor = desk()
    mended = request.form.get("body", "") if request.form.get("do") == "mended" else None
    try:
        with transaction():
            tried = quarantine.replay(actor, message_id, mended=mended)
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        return _page(actor, message_id, problem=error.text, body=mended, status=422)
    if not tried.done:
        return _page(
            actor,
            message_id,
            problem="the message was not processed: see what is wrong below",
            faults=list(tried.faults),
            body=mended,
            status=422,
        )
    return redirect(f"/messages/{message_id}?done=1", code=303)


def desk() -> Actor:
    actor = current_actor()
    if not is_spor(actor):
        raise NotPermittedError("messages are for those who work at the single point of referral")
    return actor


def _page(
    actor: Actor,
    message_id: str,
    *,
    problem: str = "",
    faults: list[dict[str, Any]] | None = None,
    body: str | None = None,
    status: int = 200,
) -> Response:
    row = quarantine.message(message_id)
    if row is None:
        raise NotFound
    records.spool.looked(actor, "page", f"InboxMessage/{row.id}")
    later = quarantine.done_since(row) if row.status == REFUSED else None
    by_mesh = row.client.startswith(document_messages.CLIENT)
    tried_anew = row.status == REFUSED and later is None and not by_mesh
    open_ = row.status == QUARANTINED or tried_anew
    return page(
        "messages/message.html",
        status,
        message=_row(row),
        facts=[
            ("Sender", _sender(row)),
            ("Came", words.moment(row.received_at)),
            ("Its sender was told", _told(row)),
            ("What went wrong", row.error or "nothing"),
            ("Bundle", row.bundle_id or "not read"),
            ("Request", row.request_id or "none"),
            ("Conversation", row.correlation_id or "none"),
        ],
        open=open_,
        refused=row.status == REFUSED,
        later=_row(later) if later else None,
        faults=(faults if faults is not None else quarantine.faults_of(row)) if open_ else [],
        body=body if body is not None else quarantine.text_of(row.body),
        attempts=[
            {
                "when": words.moment(each.at),
                "by": each.by.removeprefix("client/").removeprefix("user/"),
                "answer": each.http_status,
                "faults": "; ".join(fault["text"] for fault in each.faults),
            }
            for each in quarantine.attempts_at(row)
        ],
        beside=[_row(each) for each in quarantine.beside(row)],
        problem=problem,
        done="The message is processed, as if its sender had sent it now."
        if request.args.get("done")
        else "",
    )


def _row(row: InboxMessage) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": (row.kind or "not read").replace("-", " "),
        "sender": _sender(row),
        "when": words.moment(row.received_at),
        "status": _NAMES[row.status],
        "late": row.status == QUARANTINED,
        "error": row.error or "",
        "attempts": row.attempts,
        "subject": row.subject or "",
    }


def _sender(row: InboxMessage) -> str:
    if row.client.startswith(document_messages.CLIENT):
        return f"MESH {row.reply_to or row.client.removeprefix(document_messages.CLIENT)}"
    return row.client.removeprefix("client/")


def _told(row: InboxMessage) -> str:
    if row.client.startswith(document_messages.CLIENT):
        return f"ITK {row.error_code}" if row.error_code else "nothing"
    return f"{row.http_status} {row.error_code or ''}".strip()
