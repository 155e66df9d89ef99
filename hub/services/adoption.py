"""Making somebody else's record the hub's own, on purpose: the only way a foreign record changes.

What other systems send is kept exactly and stands outside the hub's rules. Adopting it writes its
next version under the rules of a new record: a plan becomes a draft, a task is asked for anew.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fhir.outcomes import VersionConflictError
from fhir.systems import ACCOUNTABLE_ORGANIZATION, PERFORMING_ORGANIZATION, ROLE, TASK_CODE
from hub import records
from hub.clock import now
from hub.domain.actor import Actor
from hub.domain.definition import Service
from hub.domain.errors import RuleError, StateError
from hub.domain.plan import PlanStatus
from hub.domain.task_states import OPEN, TaskStatus
from hub.records import Record, instant
from hub.services import care_plans, clocks, definitions, task_content, tasks

ADOPTABLE = ("CarePlan", "Flag", "Task")
"""The types whose managed records obey rules of their own and which others also send."""

_ENDED_PLANS = frozenset({"completed", "revoked", "entered-in-error"})


def adopt(actor: Actor, reference: str, *, version: int, service: str | None = None) -> Record:
    """Make the foreign record ``reference`` managed; ``version`` is the one that was looked at.

    A Task needs ``service``, the code of the service that takes it on: its team owns the task, its
    clock starts now and routing finds the person. Raises RuleError, StateError (managed already,
    or over), VersionConflictError, NotFoundError.
    """
    resource_type, _, record_id = reference.partition("/")
    if resource_type not in ADOPTABLE:
        raise RuleError(f"a {resource_type} is not adopted", field="type", allowed=ADOPTABLE)
    record = records.lock(actor, resource_type, record_id)
    if record.managed:
        raise StateError(f"{reference} is this hub's own already", field="meta.tag")
    if record.version != version:
        raise VersionConflictError(reference, current=record.version, given=version)
    if resource_type == "Task":
        return _adopt_task(actor, record, _service(service))
    change: Callable[[Actor, Record], Mapping[str, Any]] = (
        _as_draft if resource_type == "CarePlan" else _as_it_is
    )
    return records.adopt(
        actor,
        dict(change(actor, record)),
        type=resource_type,
        id=record_id,
        if_match=version,
    )


def _service(code: str | None) -> Service:
    services = definitions.current().services
    found = services.get(code or "")
    if found is None or not found.in_bundle:
        raise RuleError(
            "say which service takes the task on",
            field="service",
            allowed=sorted(each.code for each in services.values() if each.in_bundle),
        )
    return found


def _adopt_task(actor: Actor, record: Record, service: Service) -> Record:
    task = record.resource
    if task["status"] not in OPEN:
        raise StateError(f"a task that is {task['status']} is over", field="status")
    if not (task_content.reference(task, "for") or "").startswith("Patient/"):
        raise RuleError("a task of the hub is for a person", field="for")
    priority = task.setdefault("priority", "routine")
    task["status"] = TaskStatus.REQUESTED.value
    task["intent"] = "order"
    task["owner"] = {"reference": f"CareTeam/{service.team}"}
    task.setdefault("authoredOn", instant(now()))
    task["lastModified"] = instant(now())
    codings = task.setdefault("code", {}).setdefault("coding", [])
    # Their own code stays; ours comes first and says what kind of work it is here.
    codings.insert(0, {"system": TASK_CODE, "code": "intervention"})
    if service.roles:
        task["performerType"] = [task_content.concept(ROLE, role) for role in service.roles]
    kept = [
        each
        for each in task.get("extension", ())
        if each.get("url") not in {PERFORMING_ORGANIZATION, ACCOUNTABLE_ORGANIZATION}
    ]
    task["extension"] = kept + [
        {"url": url, "valueReference": {"reference": f"Organization/{code}"}}
        for url, code in (
            (ACCOUNTABLE_ORGANIZATION, service.accountable),
            (PERFORMING_ORGANIZATION, service.performing),
        )
    ]
    running = clocks.start(
        record.id,
        service.clock_for(priority),
        calendar=service.calendar,
        escalation_policy=service.escalation,
        actor=actor,
        version=record.version + 1,
    )
    task_content.set_due(task, running.due_at)
    adopted = records.adopt(actor, task, type="Task", id=record.id, if_match=record.version)
    tasks.ask_for_routing(actor, record.id, cause="adopted")
    return adopted


def _as_draft(actor: Actor, record: Record) -> Mapping[str, Any]:
    plan = record.resource
    if plan["status"] in _ENDED_PLANS:
        raise StateError(f"a plan that is {plan['status']} is over", field="status")
    person = plan["subject"].get("reference", "")
    if not person.startswith("Patient/"):
        raise RuleError("a plan of the hub is a person's", field="subject")
    # It becomes active as every plan does: with its people, its triggers and its review date.
    plan["status"] = PlanStatus.DRAFT.value
    plan["careTeam"] = [{"reference": care_plans.team_for(person.removeprefix("Patient/"))}]
    if actor.practitioner and "author" not in plan:
        plan["author"] = {"reference": actor.practitioner}
    return plan


def _as_it_is(_actor: Actor, record: Record) -> Mapping[str, Any]:
    return record.resource
