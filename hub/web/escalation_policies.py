"""The escalation policies of the hub: as they stand, a candidate tried on past work, activated."""

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from hub.auth import current_actor
from hub.domain import escalation_hours
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError
from hub.domain.escalation import EscalationPolicy, EscalationStep
from hub.domain.escalation_trial import Tally
from hub.services import definitions, escalation_trials
from hub.services.definitions import DefinitionError
from hub.services.escalation_trials import Trial
from hub.transaction import transaction
from hub.web import directory
from hub.web.forms import Filled, fill
from hub.web.forms.alarms import TrialForm
from hub.web.presenters import words
from hub.web.presenters.alarms import TARGETS
from hub.web.rendering import page
from hub.web.site import blueprint

POLICY_MAKERS = frozenset({"service-manager"})

CHANGES_SHOWN = 60
PEOPLE_SHOWN = 20


@blueprint.get("/escalation")
def escalation_page() -> Response:
    return _page(done="done" in request.args)


@blueprint.post("/escalation/trial")
def try_policy() -> Response:
    """Play what was written over past work; nothing is kept and nobody is told."""
    _check(current_actor())
    form = fill(TrialForm, request.form)
    if not form.is_right:
        return _page(form, status=422)
    try:
        candidate = escalation_trials.read(form.values["policy"])
    except DefinitionError as error:
        return _page(Filled({}, form.given, {"policy": "; ".join(error.problems)}), status=422)
    return _page(form, escalation_trials.dry_run(candidate, days=form.values["days"]))


@blueprint.post("/escalation/activate")
def activate_policy() -> Response | BaseResponse:
    actor = current_actor()
    _check(actor)
    form = fill(TrialForm, request.form)
    if not form.is_right:
        return _page(form, status=422)
    try:
        with transaction():
            escalation_trials.activate(actor, form.values["policy"])
    except DefinitionError as error:
        return _page(Filled({}, form.given, {"policy": "; ".join(error.problems)}), status=422)
    return redirect("/escalation?done", code=303)


def _check(actor: Actor) -> None:
    if actor.role not in POLICY_MAKERS:
        raise NotPermittedError("escalation policies are for service managers")


def _page(
    form: Filled | None = None,
    trial: Trial | None = None,
    *,
    status: int = 200,
    done: bool = False,
) -> Response:
    _check(current_actor())
    policies = definitions.current().escalation_policies
    return page(
        "alarms/policies.html",
        status,
        policies=[_policy(each) for each in policies.values()],
        form=form,
        trial=_trial(trial) if trial else None,
        done="The new policies are in force. Work that has started keeps its own." if done else "",
    )


def _policy(policy: EscalationPolicy) -> dict[str, object]:
    return {
        "code": policy.code,
        "quiet": escalation_hours.said(policy.quiet) if policy.quiet else "",
        "steps": [_step(each) for each in policy.steps],
    }


def _step(step: EscalationStep) -> dict[str, str]:
    how = []
    if step.repeat:
        how.append(
            f"again every {words.plural(step.repeat.minutes, 'minute')},"
            f" up to {words.plural(step.repeat.times, 'time')}"
        )
    if step.outside:
        how.append("by telephone or mail too")
    if step.reroute:
        how.append("the work goes to somebody else")
    when = escalation_hours.said(step.when) if step.when else "at any time"
    if step.when:
        waits = step.when.otherwise is escalation_hours.Otherwise.WAIT
        when += "; else it waits" if waits else "; else it is passed over"
    return {
        "share": f"{step.percent}%",
        "who": ", ".join(TARGETS[each] for each in step.notify) or "the duty manager",
        "when": when,
        "how": "; ".join(how) or "once",
    }


def _trial(trial: Trial) -> dict[str, object]:
    people = sorted(
        {*trial.current.by_person, *trial.candidate.by_person},
        key=lambda who: (-trial.candidate.by_person[who], -trial.current.by_person[who], who),
    )
    columns = (trial.happened, trial.current, trial.candidate)
    return {
        "since": words.day(trial.since),
        "until": words.day(trial.until),
        "clocks": trial.clocks,
        "changed": ", ".join(trial.changed),
        "measures": [
            ("Times somebody is told", [each.told for each in columns]),
            ("By telephone or mail", [each.outside for each in columns]),
            ("Nights of somebody disturbed", [each.nights for each in columns]),
            ("Most in one night of one person", [each.worst_night for each in columns]),
        ],
        "people": [
            (
                directory.name_of(who),
                [each.by_person[who] for each in columns],
                _nights(trial.candidate, who),
            )
            for who in people[:PEOPLE_SHOWN]
        ],
        "more_people": max(len(people) - PEOPLE_SHOWN, 0),
        "changes": [
            {
                "added": each.added,
                "when": words.moment(each.at),
                "who": directory.name_of(each.who),
                "step": each.step.replace("-", " "),
                "again": f", repeat {each.repeat}" if each.repeat else "",
                "task": each.task,
            }
            for each in trial.changes[:CHANGES_SHOWN]
        ],
        "added": sum(each.added for each in trial.changes),
        "removed": sum(not each.added for each in trial.changes),
        "more_changes": max(len(trial.changes) - CHANGES_SHOWN, 0),
    }


def _nights(tally: Tally, who: str) -> int:
    return sum(1 for person, _ in tally.by_night if person == who)
