"""The shared plan: read it, write one part, meet a colleague's edit, compare, activate."""

from datetime import datetime, time

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from hub import clock, records
from hub.auth import current_actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.domain.plan import REVIEW, known
from hub.records import Record
from hub.services import care_plans, definitions, plan_content
from hub.services.care_plans import EditConflictError
from hub.transaction import transaction
from hub.web import directory
from hub.web.forms import Filled, fill
from hub.web.forms.plan import ActionForm, GoalForm, SectionForm, StartPlanForm, VersionForm
from hub.web.forms.reading import PageForm
from hub.web.presenters import people, plans, tasks, words
from hub.web.rendering import page
from hub.web.site import blueprint

_DONE = {
    "saved": "Your change is saved. Everybody who works with this plan sees it now.",
    "same": "Nothing was different, so no new version was made.",
    "activated": "The plan is in use.",
    "signed": "You have signed this plan as it stands.",
    "goal": "The goal is added.",
    "action": "The action is added, and a person is being found for it.",
    "started": "The plan is open. Begin with the person's own words.",
}
_VERSIONS_SHOWN = 100
_END_OF_DAY = time(18)


@blueprint.get("/people/<patient_id>/plan")
def start_plan_page(patient_id: str) -> Response:
    actor = current_actor()
    patient = records.read(actor, "Patient", patient_id)
    return page("care_plans/start.html", person=people.head(patient, clock.now()), form=None)


@blueprint.post("/people/<patient_id>/plan")
def start_plan(patient_id: str) -> Response | BaseResponse:
    actor = current_actor()
    form = fill(StartPlanForm, request.form)
    if not form.is_right:
        patient = records.read(actor, "Patient", patient_id)
        head = people.head(patient, clock.now())
        return page("care_plans/start.html", 422, person=head, form=form)
    with transaction():
        plan = care_plans.open_plan(actor, patient_id, title=form.values["title"])
    return redirect(f"/care-plans/{plan.id}?done=started", code=303)


@blueprint.get("/care-plans/<plan_id>")
def plan_page(plan_id: str) -> Response:
    return _plan(plan_id)


def _plan(
    plan_id: str, form: Filled | None = None, status: int = 200, refusal: str = ""
) -> Response:
    actor = current_actor()
    now = clock.now()
    plan = records.read(actor, "CarePlan", plan_id)
    resource = plan.resource
    patient_id = _patient_id(plan)
    wanted = [*plan_content.goals(resource), *plan_content.actions(resource)]
    found = records.read_many(actor, [f"Patient/{patient_id}", *wanted])
    seen = request.args.get("since", "")
    since = int(seen) if seen.isdigit() and 0 < int(seen) < plan.version else None
    spec = definitions.current().plan_sections
    return page(
        "care_plans/plan.html",
        status,
        plan=plans.head(plan),
        person=people.head(found[f"Patient/{patient_id}"], now),
        sections=plans.sections(care_plans.sections_of(plan), spec),
        missing=plans.missing(care_plans.findings(actor, plan_id)) if plan.managed else None,
        goals=[_goal(found[each]) for each in plan_content.goals(resource) if each in found],
        actions=[
            tasks.line(found[each], now, me=actor.practitioner)
            for each in plan_content.actions(resource)
            if each in found and each.startswith("Task/")
        ],
        changed=plans.changes(care_plans.changes(actor, plan_id, since=since), spec)
        if since
        else [],
        since=since,
        services=directory.services(in_bundle=True),
        done=_DONE.get(request.args.get("done", "")) if form is None else None,
        form=form,
        refusal=refusal,
    )


def _goal(goal: Record) -> dict[str, str]:
    resource = goal.resource
    targets = resource.get("target") or [{}]
    return {
        "text": str(resource.get("description", {}).get("text", "")),
        "by": words.day(targets[0].get("dueDate")),
        "status": {"completed": "Reached", "cancelled": "Given up"}.get(
            str(resource.get("lifecycleStatus")), ""
        ),
    }


def _patient_id(plan: Record) -> str:
    return str(plan["subject"]["reference"]).partition("/")[2]


@blueprint.get("/care-plans/<plan_id>/sections/<code>")
def section_page(plan_id: str, code: str) -> Response:
    actor = current_actor()
    plan = records.read(actor, "CarePlan", plan_id)
    return _section(plan, code, plan_content.texts(plan.resource).get(code, ""), plan.version)


@blueprint.post("/care-plans/<plan_id>/sections/<code>")
def write_section(plan_id: str, code: str) -> Response | BaseResponse:
    actor = current_actor()
    form = fill(SectionForm, request.form)
    # "fill" takes white space from the ends; inside, the text is the person's own.
    given = form.given.get("text", "").replace("\r\n", "\n")
    if not form.is_right:
        return _refused(plan_id, code, form, given, 422)
    sent = form.values
    try:
        with transaction():
            before = records.read(actor, "CarePlan", plan_id).version
            saved = care_plans.revise(
                actor,
                plan_id,
                version=sent["version"],
                section=code,
                text=given,
                reason=sent["reason"] or None,
            )
    except EditConflictError as conflict:
        return _conflict(plan_id, code, conflict, given)
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        refused = Filled({}, form.given, {"text": f"{error.text[0].upper()}{error.text[1:]}."})
        return _refused(plan_id, code, refused, given, 422)
    if saved.version == before:
        return redirect(f"/care-plans/{plan_id}?done=same#{code}", code=303)
    # What others wrote since the form was opened is shown with the saved plan.
    return redirect(f"/care-plans/{plan_id}?done=saved&since={sent['version']}#{code}", code=303)


def _refused(plan_id: str, code: str, form: Filled, given: str, status: int) -> Response:
    plan = records.read(current_actor(), "CarePlan", plan_id)
    version = form.given.get("version", "")
    made_from = int(version) if version.isdigit() else plan.version
    return _section(plan, code, given, made_from, form=form, status=status)


def _section(
    plan: Record,
    code: str,
    text: str,
    version: int,
    *,
    form: Filled | None = None,
    status: int = 200,
) -> Response:
    actor = current_actor()
    spec = known(code, definitions.current().plan_sections)
    patient = records.read(actor, "Patient", _patient_id(plan))
    return page(
        "care_plans/section.html",
        status,
        plan=plans.head(plan),
        person=people.head(patient, clock.now()),
        spec=spec,
        text=text,
        version=version,
        is_date=code == REVIEW,
        form=form,
    )


def _conflict(plan_id: str, code: str, conflict: EditConflictError, draft: str) -> Response:
    """Show both texts and keep the draft: nothing was saved, nothing is lost."""
    actor = current_actor()
    plan = records.read(actor, "CarePlan", plan_id)
    patient = records.read(actor, "Patient", _patient_id(plan))
    return page(
        "care_plans/conflict.html",
        409,
        plan=plans.head(plan),
        person=people.head(patient, clock.now()),
        spec=known(code, definitions.current().plan_sections),
        theirs=conflict.theirs,
        before=conflict.base,
        author=directory.name_of(conflict.author) if conflict.author else "a colleague",
        version=conflict.version,
        draft=draft,
        reason=request.form.get("reason", ""),
        both=f"{conflict.theirs}\n\n{draft}",
    )


@blueprint.get("/care-plans/<plan_id>/history")
def plan_history_page(plan_id: str) -> Response:
    actor = current_actor()
    plan = records.read(actor, "CarePlan", plan_id)
    spec = definitions.current().plan_sections
    history = records.history(actor, "CarePlan", plan_id, count=_VERSIONS_SHOWN)
    numbers = [each.version for each in history if not each.deleted]
    chosen = [request.args.get(name, "") for name in ("from", "to")]
    first, second = (
        int(each) if each.isdigit() and int(each) in numbers else None for each in chosen
    )
    differences = None
    if first and second:
        texts = [
            plan_content.texts(records.vread(actor, "CarePlan", plan_id, each).resource)
            for each in sorted((first, second))
        ]
        differences = plans.compared(texts[0], texts[1], spec)
    patient = records.read(actor, "Patient", _patient_id(plan))
    return page(
        "care_plans/history.html",
        plan=plans.head(plan),
        person=people.head(patient, clock.now()),
        versions=plans.versions(history, spec),
        numbers=[(str(each), f"Version {each}") for each in numbers],
        first=min(first, second) if first and second else None,
        second=max(first, second) if first and second else None,
        differences=differences,
    )


@blueprint.post("/care-plans/<plan_id>/activate")
def activate_plan(plan_id: str) -> Response | BaseResponse:
    return _change(plan_id, VersionForm, "activated")


@blueprint.post("/care-plans/<plan_id>/sign")
def sign_plan(plan_id: str) -> Response | BaseResponse:
    return _change(plan_id, VersionForm, "signed")


@blueprint.post("/care-plans/<plan_id>/goals")
def add_goal(plan_id: str) -> Response | BaseResponse:
    return _change(plan_id, GoalForm, "goal")


@blueprint.post("/care-plans/<plan_id>/actions")
def add_action(plan_id: str) -> Response | BaseResponse:
    return _change(plan_id, ActionForm, "action")


def _change(plan_id: str, schema: type[PageForm], verb: str) -> Response | BaseResponse:
    form = fill(schema, request.form)
    if not form.is_right:
        return _plan(plan_id, form, 422)
    try:
        with transaction():
            _carry_out(plan_id, verb, form)
    except RuleError as error:
        if isinstance(error, NotPermittedError):
            raise
        return _plan(
            plan_id, Filled({}, form.given), 422, f"{error.text[0].upper()}{error.text[1:]}"
        )
    return redirect(f"/care-plans/{plan_id}?done={verb}", code=303)


def _carry_out(plan_id: str, verb: str, form: Filled) -> None:
    actor = current_actor()
    sent = form.values
    match verb:
        case "activated":
            care_plans.activate(actor, plan_id, version=sent["version"])
        case "signed":
            care_plans.sign_off(actor, plan_id, version=sent["version"])
        case "goal":
            care_plans.add_goal(
                actor, plan_id, description=sent["goal"], target_on=sent["target_on"]
            )
        case _:
            due = sent["due_on"]
            care_plans.add_action(
                actor,
                plan_id,
                description=sent["action"],
                service=sent["action_service"],
                due_at=datetime.combine(due, _END_OF_DAY, words.LONDON) if due else None,
            )
