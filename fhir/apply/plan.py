"""A PlanDefinition becomes a CarePlan of proposals for one person.

https://hl7.org/fhir/R4/plandefinition.html#12.18.3.4. R4 would hang a RequestGroup between the
plan and its activities; a CarePlan can say the same itself: what an action defines is a contained
request (``activity.reference``), what it only describes is ``activity.detail``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fhir.apply.activity import apply_activity, words
from fhir.apply.dynamic import customise
from fhir.apply.setting import Resource, Setting, canonical, filled, reference
from fhir.outcomes import UnprocessableError

_DEEPEST = 8
"""Plans in plans and actions in actions; deeper is a plan that contains itself."""
_SUBJECTS = ("Patient", "Group")


@dataclass(slots=True)
class _Plan:
    """What has been made so far."""

    contained: list[Resource] = field(default_factory=list)
    goals: list[Resource] = field(default_factory=list)
    activities: list[Resource] = field(default_factory=list)
    notes: list[Resource] = field(default_factory=list)
    canonicals: list[str] = field(default_factory=list)


def apply_plan(definition: Mapping[str, Any], setting: Setting) -> Resource:
    """Return the CarePlan that the definition proposes. Raises UnprocessableError."""
    if setting.subject["resourceType"] not in _SUBJECTS:
        raise UnprocessableError(
            f"a CarePlan is for a {' or a '.join(_SUBJECTS)}", expression="subject"
        )
    made = _Plan()
    _add(definition, setting, made, "PlanDefinition", 0)
    return {
        "resourceType": "CarePlan",
        **filled(
            {
                "contained": made.contained,
                "instantiatesCanonical": made.canonicals,
                "status": "draft",
                "intent": "proposal",
                "title": definition.get("title") or definition.get("name"),
                "description": definition.get("description"),
                "subject": reference(setting.subject),
                "encounter": reference(setting.encounter),
                "created": setting.at.isoformat(timespec="seconds"),
                "author": setting.author,
                "goal": made.goals,
                "activity": made.activities,
                "note": made.notes,
            }
        ),
    }


def _add(
    definition: Mapping[str, Any], setting: Setting, made: _Plan, where: str, depth: int
) -> None:
    if depth > _DEEPEST:
        raise UnprocessableError(
            f"plans lie more than {_DEEPEST} deep in one another", expression=where
        )
    if address := canonical(definition):
        made.canonicals.append(address)
    for goal in definition.get("goal", ()):
        number = len(made.goals) + 1
        made.contained.append(_goal(goal, setting, f"goal-{number}"))
        made.goals.append({"reference": f"#goal-{number}"})
    for place, action in enumerate(definition.get("action", ())):
        _act(action, setting, made, f"{where}.action[{place}]", depth)


def _goal(goal: Mapping[str, Any], setting: Setting, name: str) -> Resource:
    return {
        "resourceType": "Goal",
        "id": name,
        **filled(
            {
                "lifecycleStatus": "proposed",
                "category": [goal["category"]] if "category" in goal else [],
                "priority": goal.get("priority"),
                "description": goal.get("description"),
                "subject": reference(setting.subject),
                "startCodeableConcept": goal.get("start"),
                "target": [_target(each) for each in goal.get("target", ())],
                "note": [
                    {"text": f"Addresses: {named}"}
                    for each in goal.get("addresses", ())
                    if (named := _display(each))
                ],
            }
        ),
    }


def _target(target: Mapping[str, Any]) -> Resource:
    made = {name: value for name, value in target.items() if name != "due"}
    return made | ({"dueDuration": target["due"]} if "due" in target else {})


def _act(action: Mapping[str, Any], setting: Setting, made: _Plan, where: str, depth: int) -> None:
    if not all(_applies(action, setting, where)):
        return
    if "transform" in action:
        raise UnprocessableError(
            "a StructureMap is not run here", expression=f"{where}.transform", code="not-supported"
        )
    title = action.get("title") or action.get("description") or action.get("textEquivalent")
    inner = action.get("action", ())
    if inner and (behaviour := action.get("selectionBehavior", "all")) != "all":
        # R4's RequestGroup has an element for it; a reader of the plan must know it all the same.
        names = [each.get("title") or each.get("description") or "untitled" for each in inner]
        made.notes.append({"text": f"{title or 'Choose'} ({behaviour}): {'; '.join(names)}"})
    if "definitionCanonical" in action:
        _define(action, setting, made, where, depth)
    elif not inner:
        detail = _detail(action)
        customise(
            "CarePlan.activity.detail", detail, action.get("dynamicValue", ()), setting, where
        )
        made.activities.append({"detail": detail})
    for place, each in enumerate(inner):
        if depth >= _DEEPEST:
            raise UnprocessableError("actions lie too deep in one another", expression=where)
        _act(each, setting, made, f"{where}.action[{place}]", depth + 1)


def _applies(action: Mapping[str, Any], setting: Setting, where: str) -> Iterator[bool]:
    for place, condition in enumerate(action.get("condition", ())):
        if condition.get("kind") == "applicability":
            here = f"{where}.condition[{place}].expression"
            yield setting.holds(condition.get("expression"), here)


def _define(
    action: Mapping[str, Any], setting: Setting, made: _Plan, where: str, depth: int
) -> None:
    """Add what the definition of an action becomes."""
    address = action["definitionCanonical"]
    here = f"{where}.definitionCanonical"
    definition = setting.find(address)
    if definition is None:
        raise UnprocessableError(
            "the definition of this action is not here", expression=here, code="not-found"
        )
    kind = definition["resourceType"]
    if kind == "PlanDefinition":
        _add(definition, setting, made, f"{where}.resolve()", depth + 1)
        return
    if kind != "ActivityDefinition":
        detail = _detail(action) | {"instantiatesCanonical": [address]}
        customise(
            "CarePlan.activity.detail", detail, action.get("dynamicValue", ()), setting, where
        )
        made.activities.append({"detail": detail})
        return
    timed = {name: value for name, value in action.items() if name.startswith("timing")}
    if timed:
        definition = {
            name: value for name, value in definition.items() if not name.startswith("timing")
        } | timed
    if "priority" in action:
        definition = definition | {"priority": action["priority"]}
    resource = apply_activity(definition, setting, f"{where}.resolve()")
    if "reason" in action:
        _reason(resource, action["reason"])
    customise(resource["resourceType"], resource, action.get("dynamicValue", ()), setting, where)
    name = f"activity-{len(made.activities) + 1}"
    made.contained.append({"resourceType": resource.pop("resourceType"), "id": name, **resource})
    made.activities.append({"reference": {"reference": f"#{name}"}})


def _reason(resource: Resource, reasons: list[Any]) -> None:
    """Give the reasons of an action to its request: a Task has room for one."""
    if resource["resourceType"] == "Task":
        resource["reasonCode"] = reasons[0]
        return
    resource["reasonCode"] = [*resource.get("reasonCode", ()), *reasons]


def _detail(action: Mapping[str, Any]) -> Resource:
    """Return the activity of an action that is only described."""
    said = [action.get(name) for name in ("title", "description", "textEquivalent")]
    return filled(
        {
            "instantiatesUri": [action["definitionUri"]] if "definitionUri" in action else [],
            "code": next(iter(action.get("code", ())), None),
            "reasonCode": action.get("reason"),
            "status": "not-started",
            "scheduledTiming": action.get("timingTiming"),
            "scheduledPeriod": action.get("timingPeriod"),
            "scheduledString": _scheduled(action),
            "description": ": ".join(dict.fromkeys(word for word in said if word)),
        }
    )


def _scheduled(action: Mapping[str, Any]) -> str | None:
    """Say a moment or a span in words: a CarePlan has no element for them."""
    for name in ("timingDateTime", "timingAge", "timingDuration", "timingRange"):
        if name in action:
            return words(action[name])
    return None


def _display(concept: Mapping[str, Any]) -> str:
    text: str = concept.get("text") or next(
        (each["display"] for each in concept.get("coding", ()) if "display" in each), ""
    )
    return text
