"""What the hub tells other systems, and sends on to them: what did not arrive is dealt with."""

from collections.abc import Mapping
from typing import Any

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from hub import records
from hub.auth import current_actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.models.outgoing_message import DEAD, STATES, UNROUTED, OutgoingMessage
from hub.records import Record
from hub.services import definitions, onward, outgoing_messages, quarantine, task_content
from hub.services.outgoing_messages import ONWARD_REQUEST
from hub.transaction import transaction
from hub.web.presenters import words
from hub.web.quarantine import desk
from hub.web.rendering import page
from hub.web.site import blueprint

NAMES = {
    "dead": "Not taken",
    "unrouted": "No way known",
    "waiting": "On their way",
    "sent": "Arrived",
    "settled": "Told otherwise",
}
_OUTCOMES = {
    "accepted": "Accepted",
    "redirected": "Sent on",
    "declined": "Declined",
    "asked": "A question",
    "withdrawn": "Withdrawn by the hub",
    "done": "Finished",
    "not-attended": "Not there",
    "taken": "Taken after all",
    "called-back": "Called back",
}
_DONE = {
    "again": "The message is sent again.",
    "settled": "It is noted how they were told. What follows about this referral can go.",
    "called-back": "The referral is called back. Where it had left, a cancellation follows it.",
}


@blueprint.get("/messages/outgoing")
def outgoing_page() -> Response:
    actor = desk()
    asked = request.args.get("state", DEAD)
    state = asked if asked in STATES else DEAD
    found = outgoing_messages.listed(state, before=request.args.get("before"))
    shown = found[: outgoing_messages.AT_ONCE]
    records.spool.looked(actor, "page", "outgoing-messages")
    counts = outgoing_messages.counts()
    return page(
        "messages/outgoing.html",
        state=state,
        tabs=[(code, NAMES[code], counts.get(code, 0)) for code in STATES],
        rows=[_row(each) for each in shown],
        after=shown[-1].id if len(found) > len(shown) else "",
    )


@blueprint.get("/messages/outgoing/<message_id>")
def outgoing_message_page(message_id: str) -> Response:
    return _page(message_id)


@blueprint.post("/messages/outgoing/<message_id>")
def deal_with_outgoing(message_id: str) -> Response | BaseResponse:
    desk()
    asked = request.form.get("do", "")
    do = asked if asked in _DONE else "settled"
    how, reason = request.form.get("how", ""), request.form.get("reason", "")
    try:
        with transaction():
            if do == "again":
                outgoing_messages.replay(current_actor(), message_id)
            elif do == "called-back":
                onward.call_back_message(current_actor(), message_id, reason=reason)
            else:
                outgoing_messages.settle_otherwise(current_actor(), message_id, how)
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        typed = {"how": how, "reason": reason}
        return _page(message_id, problem=error.text, field=str(error.field), typed=typed)
    return redirect(f"/messages/outgoing/{message_id}?done={do}", code=303)


def _page(
    message_id: str, *, problem: str = "", field: str = "", typed: Mapping[str, str] | None = None
) -> Response:
    actor = desk()
    row = outgoing_messages.message(message_id)
    if row is None:
        raise NotFound
    records.spool.looked(actor, "page", f"OutgoingMessage/{row.id}")
    answer = f"{row.http_status}" if row.http_status else "nothing came back"
    return page(
        "messages/outgoing_message.html",
        422 if problem else 200,
        message=_row(row),
        open=row.state in (DEAD, UNROUTED),
        unrouted=row.state == UNROUTED,
        facts=[
            ("To", row.client.removeprefix("client/")),
            ("Addressed to", row.target),
            ("Made", words.moment(row.created_at)),
            ("Attempts", str(row.attempts)),
            ("Last answer", answer if row.attempts else "not sent yet"),
            ("What went wrong", row.error or "nothing"),
            ("Request", row.request_id),
        ],
        settled=row.settled_how or "",
        body=quarantine.text_of(row.body),
        asked=row.in_reply_to or "",
        onward=row.kind == ONWARD_REQUEST,
        can_call_back=onward.can_call_back(row),
        others=[_row(each) for each in outgoing_messages.about(row.subject) if each.id != row.id],
        problem=problem,
        problems={field: problem},
        typed=typed or {},
        done=_DONE.get(request.args.get("done", ""), ""),
    )


def _row(row: OutgoingMessage) -> dict[str, Any]:
    return {
        "id": row.id,
        "outcome": _outcome(row),
        "kind": row.kind.replace("-", " "),
        "to": row.client.removeprefix("client/"),
        "when": words.moment(row.created_at),
        "state": NAMES[row.state],
        "late": row.state in (DEAD, UNROUTED),
        "error": row.error or "",
        "attempts": row.attempts,
    }


def of_task(task: Record) -> list[dict[str, Any]]:
    """Return the messages that send a referral on, or call it back, for the page of its Task."""
    if task_content.code(task.resource) != onward.CODE:
        return []
    return [_row(each) for each in outgoing_messages.about(task.reference)]


def _outcome(row: OutgoingMessage) -> str:
    if row.kind != ONWARD_REQUEST:
        return _OUTCOMES.get(row.outcome, row.outcome)
    service = definitions.current().services.get(row.outcome)
    return f"Sent on to {service.name if service else row.outcome}"
