"""Second looks: referrals decided once, shown again blind, and how far two people agree."""

from datetime import timedelta
from typing import Any

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from hub import clock, records
from hub.auth import current_actor
from hub.domain.actor import hub_actor
from hub.domain.agreement import FEWEST, Agreement, Decision
from hub.domain.errors import NotPermittedError, RuleError
from hub.domain.referral import TriageOutcome
from hub.models.second_triage import SecondTriage
from hub.queries import person as person_query
from hub.services import definitions, second_triage, task_content, triage_inputs
from hub.transaction import transaction
from hub.web import directory
from hub.web.counts import may_see_counts
from hub.web.forms import Filled, fill
from hub.web.forms.second_triage import DECISIONS, SecondTriageForm
from hub.web.presenters import alerts, people, words
from hub.web.presenters import referrals as referral_words
from hub.web.rendering import page
from hub.web.site import blueprint
from hub.web.spor import teams_shown

_HUB = hub_actor("spor")
_SHOWN = ("Flag", "ServiceRequest")
_SINCE = timedelta(days=182)
PRIORITIES = (
    ("routine", "Routine"),
    ("urgent", "Urgent"),
    ("asap", "As soon as possible"),
    ("stat", "Emergency"),
)


@blueprint.get("/second-triage")
def second_triage_page() -> Response:
    actor = current_actor()
    teams_shown(actor)
    now = clock.now()
    return page(
        "spor/second_looks.html",
        rows=[
            {"id": each.task_id, "why": each.why, "since": words.since(each.offered_at, now)}
            for each in second_triage.waiting(actor)
        ],
    )


@blueprint.get("/second-triage/<task_id>")
def second_look(task_id: str) -> Response:
    return _look(task_id, Filled({}, {}))


@blueprint.post("/second-triage/<task_id>")
def decide_again(task_id: str) -> Response | BaseResponse:
    form = fill(SecondTriageForm, request.form)
    if not form.is_right:
        return _look(task_id, form, 422)
    try:
        with transaction():
            second_triage.decide(current_actor(), task_id, _decision(form))
    except NotPermittedError:
        raise
    except RuleError as error:
        name = str(error.field)
        told = {name if name in SecondTriageForm().fields else "decision": f"{error.text}."}
        return _look(task_id, Filled({}, form.given, told), 422)
    return redirect(f"/second-triage/{task_id}", code=303)


def _decision(form: Filled) -> Decision:
    """Return what was decided: fields of the other decisions may be filled in as well."""
    sent = form.values
    chosen, urgency = sent["decision"], sent["priority"]
    if chosen == TriageOutcome.ACCEPTED.value:
        return Decision(chosen, sent["service"], None, urgency)
    if chosen == TriageOutcome.REDIRECTED.value:
        return Decision(chosen, sent["redirect_service"], sent["redirect_reason"], urgency)
    return Decision(chosen, None, sent["decline_reason"], urgency)


def _look(task_id: str, form: Filled, status: int = 200) -> Response:
    actor = current_actor()
    row = second_triage.look(actor, task_id)
    # Whoever decides again may see what the first one saw, though the work is another team's now.
    seen = records.vread(_HUB, "ServiceRequest", row.request_id, row.request_version)
    task = records.read(_HUB, "Task", task_id)
    patient_id = (task_content.reference(task.resource, "for") or "").partition("/")[2]
    known = person_query.person(_HUB, patient_id, _SHOWN)
    records.spool.looked(actor, "second-triage", f"Patient/{patient_id}")
    inputs = triage_inputs.read(task.resource)
    return page(
        "spor/second_look.html",
        status,
        row=row,
        person=people.head(known.patient, clock.now()) if known else None,
        story=referral_words.story(seen, task),
        inputs=inputs,
        flagged={each.reference for each in known.all("Flag")} if known else set(),
        alerts=alerts.of_flags(known.all("Flag")) if known else [],
        earlier=referral_words.earlier(known.all("ServiceRequest"), seen) if known else [],
        form=form,
        decisions=DECISIONS,
        services=directory.services(in_bundle=True),
        elsewhere=directory.services(in_bundle=False),
        redirect_reasons=directory.choices("redirect-reasons"),
        decline_reasons=directory.choices("decline-reasons"),
        priorities=PRIORITIES,
        both=_both(row),
    )


def _both(row: SecondTriage) -> list[dict[str, Any]]:
    """Return both decisions in words, once both have been made."""
    again = second_triage.second(row)
    if again is None:
        return []
    return [
        {"who": directory.name_of(who), **_words(decision)}
        for who, decision in ((row.first_by, second_triage.first(row)), (row.second_by, again))
    ]


def _words(decision: Decision) -> dict[str, str]:
    services = definitions.current().services
    kind = "decline" if decision.outcome == "declined" else "redirect"
    service = services.get(decision.service or "")
    return {
        "outcome": dict(DECISIONS)[decision.outcome],
        "service": service.name if service else "",
        "reason": directory.words_of(f"{kind}-reasons", decision.reason) if decision.reason else "",
        "priority": dict(PRIORITIES).get(decision.priority, decision.priority),
    }


@blueprint.get("/agreement")
def agreement_page() -> Response:
    actor = may_see_counts()
    rows = second_triage.compared(_SINCE)
    records.spool.looked(actor, "page", "agreement")
    return page(
        "spor/agreement.html",
        groups=[
            {
                "name": name or "All",
                "pairs": outcome.pairs,
                "figures": [_figure(each) for each in (outcome, whole, urgency)],
            }
            for name, outcome, whole, urgency in second_triage.figures(rows)
        ],
        days=_SINCE.days,
        fewest=FEWEST,
        differ=[
            {
                "why": row.why,
                "when": words.day(row.decided_at),
                "one": _words(second_triage.first(row)),
                "other": _words(again),
            }
            for row in rows
            if (again := second_triage.second(row)) and again != second_triage.first(row)
        ][:50],
    )


def _figure(found: Agreement) -> dict[str, str]:
    return {
        "observed": "" if found.observed is None else f"{found.observed:.0%}",
        "kappa": "" if found.kappa is None else f"{found.kappa:.2f}",
    }
