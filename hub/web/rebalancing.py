"""Sharing a team's work out afresh: a plan from the solver, answered line by line by a lead."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from hub import clock, records
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.models.rebalancing import RebalancingMove, RebalancingPlan
from hub.queries import rebalancing as query
from hub.services import rebalancing, rebalancing_answers, stuck, task_content
from hub.transaction import transaction
from hub.web import directory
from hub.web.presenters import words
from hub.web.presenters.tasks import KINDS
from hub.web.rendering import page
from hub.web.site import blueprint

_STATES = {"offered": "", "accepted": "Accepted", "refused": "Refused", "lapsed": "Left as it was"}


@blueprint.get("/rebalancing")
def rebalancing_page() -> Response:
    return _page()


@blueprint.post("/rebalancing")
def propose_or_answer() -> Response | BaseResponse:
    team = request.form.get("team", "")
    try:
        told = _do(current_actor(), team)
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        return _page(error.text, 422, team)
    return redirect(f"/rebalancing?{urlencode({'team': team} | told)}", code=303)


def _do(actor: Actor, team: str) -> dict[str, int]:
    """Do what the button says; return what is told about it."""
    asked, plan_id = request.form.get("do"), request.form.get("plan", "")
    if asked == "propose":
        rebalancing.propose(actor, team)
        return {"proposed": 1}
    lines = request.form.getlist("line")
    if asked == "accept-all":
        lines = [each.id for each in query.moves_of(plan_id) if each.state == "offered"]
    if not lines:
        raise RuleError("tick the lines that you answer", field="line")
    if asked == "refuse":
        with transaction():
            done = rebalancing_answers.refuse(actor, plan_id, lines)
    else:
        done = rebalancing_answers.accept_many(actor, plan_id, lines)
    return dict(rebalancing_answers.counts(done))


def _page(problem: str = "", status: int = 200, asked: str = "") -> Response:
    actor = current_actor()
    teams = _teams(actor)
    if not teams:
        raise NotPermittedError("the work of a team is shared out by its lead and managers")
    team = asked or request.args.get("team", "") or (teams[0][0] if len(teams) == 1 else "")
    if team and team not in dict(teams):
        raise NotPermittedError("this team has another lead")
    plan = query.standing(team) if team else None
    records.spool.looked(actor, "page", "rebalancing")
    return page(
        "rebalancing/rebalancing.html",
        status,
        teams=teams,
        team=team,
        name=directory.name_of(team) if team else "",
        plan=_plan(actor, plan) if plan is not None else None,
        problem=problem,
        done=_done(request.args) if not problem else "",
    )


def _teams(actor: Actor) -> list[tuple[str, str]]:
    led = stuck.teams_led(actor)
    return [each for each in directory.teams() if led is None or each[0] in led]


def _plan(actor: Actor, plan: RebalancingPlan) -> dict[str, Any]:
    lines = query.moves_of(plan.id)
    # Who it is about is for those who care for the person: a lead sees the work and who has it.
    known = records.read_many(actor, [f"Task/{each.task_id}" for each in lines])
    over = rebalancing_answers.is_over(plan)
    return {
        "id": plan.id,
        "at": words.moment(plan.asked_at),
        "by": directory.name_of(plan.asked_by),
        "tasks": words.plural(plan.tasks, "open task"),
        "over": over,
        "open": 0 if over else sum(1 for each in lines if each.state == "offered"),
        "proof": rebalancing.proof(plan),
        "lines": [_line(each, known) for each in lines],
        "totals": _totals(plan.before, plan.after),
    }


def _line(line: RebalancingMove, known: Mapping[str, records.Record]) -> dict[str, Any]:
    task = known.get(f"Task/{line.task_id}")
    code = task_content.code(task.resource) if task else None
    return {
        "id": line.id,
        "title": KINDS.get(code or "", "Task"),
        "number": line.place,
        "href": f"/worklist/{line.task_id}" if task else None,
        "urgent": task is not None and task_content.is_urgent(task.resource),
        "owner": directory.name_of(line.owner),
        "to": directory.name_of(line.to),
        "why": line.why,
        "clock": words.time_left(line.due_at, clock.now()),
        "state": _STATES[line.state],
        "offered": line.state == "offered",
        "note": line.note,
        "by": directory.name_of(line.answered_by) if line.answered_by else "",
    }


def _totals(before: Mapping[str, int], after: Mapping[str, int]) -> list[tuple[str, str, str]]:
    def of(name: str, unit: str = "") -> tuple[str, str]:
        return f"{before[name]}{unit}", f"{after[name]}{unit}"

    return [
        ("Minutes more than the days have room for", *of("over_minutes")),
        ("Tasks whose owner cannot begin before they are due", *of("late")),
        ("Tasks that nobody works on", *of("waiting")),
        ("Tasks with somebody who saw the person before", *of("seen")),
        ("Fullest day of those at work", *of("fullest", " %")),
        ("Emptiest day of those at work", *of("emptiest", " %")),
    ]


def _done(args: Mapping[str, str]) -> str:
    if "proposed" in args:
        return "The plan is made. Nothing has moved yet."
    told = {
        "accepted": "moved, both sides are told",
        "refused": "refused",
        "lapsed": "left as they were: see why below",
        "offered": "waiting for room that another line makes",
    }
    return "; ".join(
        f"{words.plural(int(args[state]), 'line')} {said}"
        for state, said in told.items()
        if args.get(state, "").isdigit()
    )
