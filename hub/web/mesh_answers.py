"""Answers by MESH that did not arrive: whose, why, and sent again by a person."""

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from hub import records
from hub.auth import current_actor
from hub.services import mesh_sends
from hub.transaction import transaction
from hub.web.presenters import words
from hub.web.quarantine import desk
from hub.web.rendering import page
from hub.web.site import blueprint

_KINDS = {"infrastructure": "Receipt", "business": "Answer"}


@blueprint.get("/messages/mesh")
def mesh_answers_page() -> Response:
    actor = desk()
    records.spool.looked(actor, "page", "mesh-answers")
    return page(
        "messages/mesh.html",
        done=request.args.get("done") == "1",
        rows=[
            {
                "id": each.id,
                "inbox": each.inbox_id,
                "kind": f"{_KINDS.get(each.kind, each.kind)} {each.code}",
                "to": each.recipient,
                "when": words.moment(each.created_at),
                "error": each.error or "",
                "attempts": each.attempts,
            }
            for each in mesh_sends.given_up()
        ],
    )


@blueprint.post("/messages/mesh/<send_id>")
def send_mesh_answer_again(send_id: str) -> BaseResponse:
    desk()
    with transaction():
        mesh_sends.send_again(current_actor(), send_id)
    return redirect("/messages/mesh?done=1", code=303)
