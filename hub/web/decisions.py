"""How a task came to its owner: who was asked, why not me, what if somebody were off or on."""

from flask import Response, request
from werkzeug.exceptions import NotFound

from hub import clock, records
from hub.auth import current_actor
from hub.domain import routing as rules
from hub.domain.errors import RuleError, StateError
from hub.services import explanations, task_content
from hub.web import directory
from hub.web.presenters import decisions, words
from hub.web.presenters.decisions import Shown
from hub.web.rendering import page
from hub.web.site import blueprint


@blueprint.app_template_global("how_it_came")
def how_it_came(task_id: str) -> Shown | None:
    """Return the table of a task's last decision for a page that has read the task already."""
    try:
        return decisions.shown(explanations.of_task(task_id).decision)
    except StateError:
        return None


@blueprint.get("/worklist/<task_id>/why")
def why_page(task_id: str) -> Response:
    """The decision of a task with the answers to what was asked of it; forms send by GET."""
    actor = current_actor()
    task = records.read(actor, "Task", task_id)
    if not task.managed:
        raise NotFound
    asked = {name: request.args.get(name, "").strip() or None for name in ("who", "off", "on")}
    refused, found = "", None
    try:
        found = explanations.of_task(
            task_id, who=asked["who"], if_off=asked["off"], if_on=asked["on"]
        )
    except StateError:
        raise NotFound from None
    except RuleError as error:
        refused = f"{error.text[:1].upper()}{error.text[1:]}."
        found = explanations.of_task(task_id)
    return page(
        "worklist/why.html",
        422 if refused else 200,
        task_id=task_id,
        title=directory.words_of("task-codes", task_content.code(task.resource) or "task"),
        sentence=rules.explain(found.decision),
        made=words.moment(found.kept.decided_at),
        now=words.moment(clock.now()),
        shown=decisions.shown(found.decision),
        me=actor.practitioner,
        asked=asked,
        refused=refused,
        why_not=_of(asked["who"], actor.practitioner, found.why_not),
        otherwise=found.otherwise_words,
        change=_change(asked),
    )


def _of(who: str | None, me: str | None, sentence: str | None) -> str | None:
    """Say the answer about somebody else with their name: the rules speak to the one who asks."""
    if sentence is None or who == me:
        return sentence
    return f"{directory.name_of(who)}: {sentence}"


def _change(asked: dict[str, str | None]) -> str:
    if asked["off"]:
        return f"If {directory.name_of(asked['off'])} had been off"
    if asked["on"]:
        return f"If {directory.name_of(asked['on'])} had been at work"
    return ""
