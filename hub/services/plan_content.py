"""What a managed CarePlan says, read and written in FHIR's own elements.

Each section is an extension of the CarePlan (code, text, who changed it, when and why); goals are
Goal records, actions are Tasks named by ``CarePlan.activity`` (care model, section 7).
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from fhir.systems import PLAN_REVIEW_DATE, PLAN_SECTION, SNOMED_CT
from hub.domain import plan as rules
from hub.domain.errors import RuleError
from hub.domain.plan import Section
from hub.records.record import instant

CARE_PLAN = {"system": SNOMED_CT, "code": "734163000", "display": "Care plan"}


def new_plan(
    patient_id: str, *, title: str, author: str | None, care_team: str, at: datetime
) -> dict[str, Any]:
    """Return a draft."""
    plan: dict[str, Any] = {
        "resourceType": "CarePlan",
        "status": rules.PlanStatus.DRAFT.value,
        "intent": "plan",
        "category": [{"coding": [CARE_PLAN]}],
        "title": title,
        "subject": {"reference": f"Patient/{patient_id}"},
        "created": instant(at),
        "careTeam": [{"reference": care_team}],
    }
    if author:
        plan["author"] = {"reference": author}
    return plan


def sections(plan: Mapping[str, Any]) -> list[Section]:
    """Return the sections that have been written, in the order in which they stand."""
    found = []
    for extension in plan.get("extension", ()):
        if extension.get("url") == PLAN_SECTION:
            parts = {part["url"]: part for part in extension.get("extension", ())}
            changed = parts.get("changed", {}).get("valueInstant")
            found.append(
                Section(
                    code=parts["code"]["valueCode"],
                    text=parts.get("text", {}).get("valueMarkdown", ""),
                    author=parts.get("author", {}).get("valueReference", {}).get("reference"),
                    changed=datetime.fromisoformat(changed).astimezone(UTC) if changed else None,
                    reason=parts.get("reason", {}).get("valueString"),
                )
            )
    return found


def texts(plan: Mapping[str, Any]) -> dict[str, str]:
    return {section.code: section.text for section in sections(plan) if section.text}


def write_section(plan: dict[str, Any], section: Section) -> None:
    """Put one section into the plan, in its place; the others stay as they are."""
    written = _extension(section)
    extensions = list(plan.get("extension", ()))
    for position, extension in enumerate(extensions):
        if extension.get("url") == PLAN_SECTION and _code(extension) == section.code:
            extensions[position] = written
            break
    else:
        extensions.append(written)
    plan["extension"] = extensions
    if section.code == rules.REVIEW:
        _write_review_date(plan, section.text)


def review_date(plan: Mapping[str, Any]) -> str | None:
    return next(
        (
            extension.get("valueDate")
            for extension in plan.get("extension", ())
            if extension.get("url") == PLAN_REVIEW_DATE
        ),
        None,
    )


def goals(plan: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(each["reference"] for each in plan.get("goal", ()) if "reference" in each)


def actions(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the references of the tasks and requests that are the plan's actions."""
    return tuple(
        activity["reference"]["reference"]
        for activity in plan.get("activity", ())
        if "reference" in activity.get("reference", {})
    )


def care_team(plan: Mapping[str, Any]) -> str | None:
    found: Iterable[Mapping[str, Any]] = plan.get("careTeam", ())
    return next((each["reference"] for each in found if "reference" in each), None)


def _extension(section: Section) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"url": "code", "valueCode": section.code}]
    if section.text:
        parts.append({"url": "text", "valueMarkdown": section.text})
    if section.author:
        parts.append({"url": "author", "valueReference": {"reference": section.author}})
    if section.changed:
        parts.append({"url": "changed", "valueInstant": instant(section.changed)})
    if section.reason:
        parts.append({"url": "reason", "valueString": section.reason})
    return {"url": PLAN_SECTION, "extension": parts}


def _code(extension: Mapping[str, Any]) -> str | None:
    return next(
        (
            part.get("valueCode")
            for part in extension.get("extension", ())
            if part.get("url") == "code"
        ),
        None,
    )


def _write_review_date(plan: dict[str, Any], text: str) -> None:
    """Keep the day of the review as data beside the words, so that reviews can be found."""
    others = [each for each in plan.get("extension", ()) if each.get("url") != PLAN_REVIEW_DATE]
    try:
        day = rules.review_on(text)
    except RuleError:
        plan["extension"] = others
        return
    plan["extension"] = [*others, {"url": PLAN_REVIEW_DATE, "valueDate": day.isoformat()}]
