"""The shared care plan: opened, written by several people at once, activated, signed, closed.

Source: the care model, section 7; the design, flow 2. Two people who change different parts both
succeed; who changes the same field meets both versions; nothing is ever silently overwritten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from fhir.outcomes import VersionConflictError
from hub import clock, records
from hub.domain import plan as rules
from hub.domain import plan_merge
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import RuleError, StateError
from hub.domain.plan import Finding, PlanStatus, Section
from hub.domain.plan_merge import FieldConflict
from hub.records import Record
from hub.records.record import instant
from hub.services import accountability_team as team
from hub.services import definitions, plan_content, tasks
from hub.services.guards import care_plans as guard

_HUB = hub_actor("care-plans")


class EditConflictError(StateError):
    """Somebody else changed the same field. Both texts are kept here; nothing was saved.

    ``base`` is what the edit was made from, ``theirs`` what is saved now (by ``author``, as
    version ``version``), ``ours`` what was about to be saved.
    """

    def __init__(self, conflict: FieldConflict, *, version: int, author: str | None) -> None:
        super().__init__(
            "somebody else has changed this part of the plan since you opened it",
            field=conflict.field,
        )
        self.base = conflict.base
        self.theirs = conflict.theirs
        self.ours = conflict.ours
        self.section = conflict.field
        self.version = version
        self.author = author


EditConflict = EditConflictError


@dataclass(frozen=True, slots=True)
class SectionChange:
    """What happened to one section between two versions."""

    section: str
    before: str
    after: str
    author: str | None
    changed: datetime | None
    reason: str | None


def open_plan(actor: Actor, patient_id: str, *, title: str) -> Record:
    """Open a draft for a person; its accountable people are those of the person's team."""
    patient = records.read(actor, "Patient", patient_id)
    if not title.strip():
        raise RuleError("a plan has a title", field="title")
    care_team = team_for(patient.id)
    return records.create(
        actor,
        plan_content.new_plan(
            patient.id,
            title=title.strip(),
            author=actor.practitioner,
            care_team=care_team,
            at=clock.now(),
        ),
        managed=True,
    )


def team_for(patient_id: str) -> str:
    """Return the reference of the CareTeam that names the person's accountable people.

    It is made where nobody has been named yet.
    """
    team_id = team.team_id(patient_id)
    if f"CareTeam/{team_id}" not in records.read_many(_HUB, [f"CareTeam/{team_id}"]):
        records.create(_HUB, team.new_team(patient_id), id=team_id, managed=True)
    return f"CareTeam/{team_id}"


def sections_of(record: Record) -> list[Section]:
    """Return every section of this hub's plans in reading order, empty ones too."""
    written = {section.code: section for section in plan_content.sections(record.resource)}
    ordered = [
        written.pop(each.code, Section(code=each.code, text=""))
        for each in sorted(guard.spec(), key=lambda each: each.order)
    ]
    return [*ordered, *written.values()]


def revise(
    actor: Actor,
    plan_id: str,
    *,
    version: int,
    section: str,
    text: str,
    reason: str | None = None,
) -> Record:
    """Change one section, from the version it was read in. Raises EditConflictError."""
    return revise_sections(actor, plan_id, version=version, sections={section: text}, reason=reason)


def revise_sections(
    actor: Actor,
    plan_id: str,
    *,
    version: int,
    sections: Mapping[str, str],
    reason: str | None = None,
) -> Record:
    """Change several sections at once: all of them or, on a conflict, none.

    What others changed in other sections since ``version`` stays. An edit that changes nothing
    makes no version.
    """
    spec = guard.spec()
    for code, text in sections.items():
        rules.known(code, spec)
        if code == rules.REVIEW and text.strip():
            rules.review_on(text)
    current = records.lock(actor, "CarePlan", plan_id)
    saved = current.resource
    _check_editable(saved)
    theirs = plan_content.texts(saved)
    base = theirs if version == current.version else _base(actor, plan_id, version, current)
    ours = {**base, **{code: text.strip() for code, text in sections.items()}}
    merged = plan_merge.merge(base, theirs, ours)
    if merged.conflicts:
        conflict = merged.conflicts[0]
        author = next(
            (s.author for s in plan_content.sections(saved) if s.code == conflict.field), None
        )
        raise EditConflictError(conflict, version=current.version, author=author)
    if not merged.changed:
        return current
    for code in merged.changed:
        plan_content.write_section(
            saved,
            Section(
                code=code,
                text=merged.fields.get(code, ""),
                author=actor.reference,
                changed=clock.now(),
                reason=reason,
            ),
        )
    return _save(actor, current, saved)


def findings(actor: Actor, plan_id: str) -> tuple[Finding, ...]:
    """Return what is missing in a plan; those that stop keep it from becoming active."""
    plan = records.read(actor, "CarePlan", plan_id).resource
    return rules.lint(guard.facts(plan), guard.spec(), clock.now().date())


def activate(actor: Actor, plan_id: str, *, version: int) -> Record:
    """Bring a draft into use. It needs its two named people, its triggers and its review date."""
    current = _locked(actor, plan_id, version)
    plan = current.resource
    plan["status"] = PlanStatus.ACTIVE.value
    plan["period"] = {"start": instant(clock.now())}
    return _save(actor, current, plan)


def close(actor: Actor, plan_id: str, *, version: int, reason: str) -> Record:
    """Complete a plan that is in use, or withdraw a draft; the reason is kept as a note."""
    if not reason.strip():
        raise RuleError("a plan is closed with a reason", field="reason")
    current = _locked(actor, plan_id, version)
    plan = current.resource
    draft = plan["status"] == PlanStatus.DRAFT
    plan["status"] = (PlanStatus.REVOKED if draft else PlanStatus.COMPLETED).value
    if "period" in plan:
        plan["period"] = {**plan["period"], "end": instant(clock.now())}
    plan["note"] = [*plan.get("note", ()), _note(actor, reason)]
    return _save(actor, current, plan)


def add_goal(
    actor: Actor, plan_id: str, *, description: str, target_on: date | None = None
) -> Record:
    """Add a goal in the person's words; returns the Goal. Adding never conflicts."""
    if not description.strip():
        raise RuleError("a goal says what the person wants", field="description")
    current = records.lock(actor, "CarePlan", plan_id)
    plan = current.resource
    _check_editable(plan)
    goal: dict[str, Any] = {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": description.strip()},
        "subject": plan["subject"],
        "startDate": clock.now().date().isoformat(),
    }
    if actor.practitioner:
        goal["expressedBy"] = {"reference": actor.practitioner}
    if target_on is not None:
        goal["target"] = [{"dueDate": target_on.isoformat()}]
    made = records.create(actor, goal, managed=True)
    plan["goal"] = [*plan.get("goal", ()), {"reference": made.reference}]
    _save(actor, current, plan)
    return made


def add_action(
    actor: Actor,
    plan_id: str,
    *,
    description: str,
    service: str | None = None,
    owner: str | None = None,
    due_at: datetime | None = None,
    priority: str = "routine",
) -> Record:
    """Add an action with its owner, service and date; returns its Task.

    ``service`` is a service code, ``owner`` a ``Practitioner/<id>``. Without an owner the
    service's team has it, and the hub routes it to a person.
    """
    if not description.strip():
        raise RuleError("an action says what is to be done", field="description")
    definition = definitions.current()
    if service is None and owner is None:
        raise RuleError("an action has somebody who does it, or a service", field="owner")
    offered = definition.services.get(service or "care-coordination")
    if offered is None:
        raise RuleError(
            f"the hub has no service {service}", field="service", allowed=definition.services
        )
    current = records.lock(actor, "CarePlan", plan_id)
    plan = current.resource
    _check_editable(plan)
    task = tasks.open_task(
        actor,
        code="intervention",
        patient=plan["subject"]["reference"],
        description=description.strip(),
        owner=owner or f"CareTeam/{offered.team}",
        priority=priority,
        due_at=due_at,
        focus=current.reference,
        performing_organization=f"Organization/{offered.performing}",
        accountable_organization=f"Organization/{offered.accountable}",
        roles=() if owner else offered.roles,
        clock=None if due_at else offered.clock_for(priority),
        service=offered.code,
    )
    plan["activity"] = [
        *plan.get("activity", ()),
        {"reference": {"reference": task.reference}},
    ]
    _save(actor, current, plan)
    if owner is None:
        tasks.ask_for_routing(actor, task.id)
    return task


def sign_off(actor: Actor, plan_id: str, *, version: int) -> Record:
    """Sign the plan as it stands in ``version``; returns the Provenance."""
    if actor.practitioner is None:
        raise RuleError("a plan is signed by a named professional", field="actor")
    current = _locked(actor, plan_id, version)
    return records.create(
        actor,
        {
            "resourceType": "Provenance",
            "target": [{"reference": f"CarePlan/{plan_id}/_history/{current.version}"}],
            "recorded": instant(clock.now()),
            "activity": {"text": "sign-off"},
            "agent": [{"who": {"reference": actor.practitioner, "display": actor.display}}],
        },
        managed=True,
    )


def changes(actor: Actor, plan_id: str, *, since: int) -> list[SectionChange]:
    """Return what changed in the sections since a version: "since I last looked"."""
    current = records.read(actor, "CarePlan", plan_id)
    if since == current.version:
        return []
    before = plan_content.texts(records.vread(actor, "CarePlan", plan_id, since).resource)
    return [
        SectionChange(
            section=section.code,
            before=before.get(section.code, ""),
            after=section.text,
            author=section.author,
            changed=section.changed,
            reason=section.reason,
        )
        for section in plan_content.sections(current.resource)
        if section.text != before.get(section.code, "")
    ]


def _base(actor: Actor, plan_id: str, version: int, current: Record) -> dict[str, str]:
    if not 0 < version < current.version:
        raise VersionConflictError(current.reference, current=current.version, given=version)
    return plan_content.texts(records.vread(actor, "CarePlan", plan_id, version).resource)


def _locked(actor: Actor, plan_id: str, version: int) -> Record:
    current = records.lock(actor, "CarePlan", plan_id)
    if current.version != version:
        raise VersionConflictError(current.reference, current=current.version, given=version)
    return current


def _check_editable(plan: Mapping[str, Any]) -> None:
    if plan["status"] not in rules.EDITABLE:
        raise StateError(
            f"a plan that is {plan['status']} does not change",
            field="status",
            allowed=sorted(rules.EDITABLE),
        )


def _save(actor: Actor, current: Record, plan: dict[str, Any]) -> Record:
    return records.update(actor, plan, type="CarePlan", id=current.id, if_match=current.version)


def _note(actor: Actor, words: str) -> dict[str, Any]:
    note: dict[str, Any] = {"time": instant(clock.now()), "text": words}
    if actor.practitioner:
        return {**note, "authorReference": {"reference": actor.practitioner}}
    return {**note, "authorString": actor.display}
