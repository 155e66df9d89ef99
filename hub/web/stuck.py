"""Stuck work: what does not move, for the leads of its teams and for managers."""

from flask import Response

from hub import clock, records
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError
from hub.services import stuck, task_content
from hub.web import directory
from hub.web.presenters import words
from hub.web.presenters.tasks import KINDS
from hub.web.rendering import page
from hub.web.site import blueprint

SIGNS = {
    "ping-pong": "Passed about",
    "circular": "Came back",
    "silent": "Not looked at",
    "zombie": "Put down",
}
_DO = {
    "ping-pong": "Decide whose it is, and say so to all who had it.",
    "circular": "Ask why it came back: is the service the right one?",
    "silent": "Ring them, or give it to somebody else.",
    "zombie": "Ask how it stands; put it on hold with a day, or give it to somebody else.",
}


def leads(actor: Actor) -> bool:
    """Say whether stuck work is this person's to look after."""
    return stuck.teams_led(actor) != []


@blueprint.get("/stuck")
def stuck_page() -> Response:
    actor = current_actor()
    if not leads(actor):
        raise NotPermittedError("stuck work is for team leads and managers")
    found = stuck.open_of(actor)
    # Who it is about is for those who care for the person: a lead sees the work and who has it.
    tasks = records.read_many(actor, [f"Task/{each.task_id}" for each in found])
    records.spool.looked(actor, "page", "stuck")
    now = clock.now()
    rows = []
    for each in found:
        task = tasks.get(f"Task/{each.task_id}")
        code = task_content.code(task.resource) if task else None
        rows.append(
            {
                "sign": SIGNS.get(each.sign, each.sign),
                "why": each.words,
                "do": _DO.get(each.sign, ""),
                "since": words.span((now - each.since).total_seconds()),
                "owner": directory.name_of(each.owner),
                "phone": directory.phone_of(each.owner),
                "team": directory.name_of(each.team),
                "title": KINDS.get(code or "", "Task"),
                "href": f"/worklist/{each.task_id}" if task else None,
                "urgent": task is not None and task_content.is_urgent(task.resource),
            }
        )
    counts = [(text, sum(1 for each in found if each.sign == code)) for code, text in SIGNS.items()]
    return page("stuck/stuck.html", rows=rows, counts=counts)
