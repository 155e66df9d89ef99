"""What the hub tells other systems of their referrals: what did not arrive is dealt with."""

from typing import Any

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from hub import records
from hub.auth import current_actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.models.outgoing_message import DEAD, STATES, UNROUTED, OutgoingMessage
from hub.services import outgoing_messages, quarantine
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
}
_DONE = {
    "again": "The message is sent again.",
    "settled": "It is noted how they were told. What follows about this referral can go.",
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
    again = request.form.get("do") == "again"
    how = request.form.get("how", "")
    try:
        with transaction():
            if again:
                outgoing_messages.replay(current_actor(), message_id)
            else:
                outgoing_messages.settle_otherwise(current_actor(), message_id, how)
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        return _page(message_id, problem=error.text, field=str(error.field), how=how, status=422)
    done = "again" if again else "settled"
    return redirect(f"/messages/outgoing/{message_id}?done={done}", code=303)


def _page(
    message_id: str, *, problem: str = "", field: str = "", how: str = "", status: int = 200
) -> Response:
    actor = desk()
    row = outgoing_messages.message(message_id)
    if row is None:
        raise NotFound
    records.spool.looked(actor, "page", f"OutgoingMessage/{row.id}")
    answer = f"{row.http_status}" if row.http_status else "nothing came back"
    return page(
        "messages/outgoing_message.html",
        status,
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
        asked=row.in_reply_to,
        others=[_row(each) for each in outgoing_messages.about(row.subject) if each.id != row.id],
        problem=problem,
        problem_how=problem if field == "how" else "",
        how=how,
        done=_DONE.get(request.args.get("done", ""), ""),
    )


def _row(row: OutgoingMessage) -> dict[str, Any]:
    return {
        "id": row.id,
        "outcome": _OUTCOMES.get(row.outcome, row.outcome),
        "kind": row.kind.replace("-", " "),
        "to": row.client.removeprefix("client/"),
        "when": words.moment(row.created_at),
        "state": NAMES[row.state],
        "late": row.state in (DEAD, UNROUTED),
        "error": row.error or "",
        "attempts": row.attempts,
    }
