"""Invariants of data types and of every resource: ext-1, per-1, qty-3, bdl-*, inv-1 ...

Their sentences stand in the registry; here is what they mean. A rule is only asked about a value
whose structure is good. https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from fhir import registry

Value = dict[str, Any]
Rule = Callable[[Value], bool]

RULES: dict[str, dict[str, Rule]] = {}
"""Owner (type or backbone) -> key -> rule."""

OWN_SENTENCES = {
    "link-once": "a link relation such as self or next may occur only once",
}
"""What rules say that R4 states in prose, not as a constraint."""

UCUM = "http://unitsofmeasure.org"


def rule(owner: str, key: str) -> Callable[[Rule], Rule]:
    def keep(holds: Rule) -> Rule:
        RULES.setdefault(owner, {})[key] = holds
        return holds

    return keep


def sentence(owner: str, key: str) -> str:
    return OWN_SENTENCES.get(key) or registry.sentence(owner, key)


def has(value: Value, *names: str) -> bool:
    """Say whether one of the elements is there, with a value or only extensions."""
    return any(name in value or f"_{name}" in value for name in names)


def has_choice(value: Value, name: str) -> bool:
    """Say whether a choice element is there: ``value`` finds ``valueString``."""
    size = len(name)
    return any(
        member.startswith(name) and member[size : size + 1].isupper()
        for member in (given.removeprefix("_") for given in value)
    )


def codings(concept: Value | None) -> list[tuple[str | None, str | None]]:
    if concept is None:
        return []
    return [(coding.get("system"), coding.get("code")) for coding in concept.get("coding", ())]


def instant_of(text: str) -> datetime:
    """Return the moment of a dateTime with a time."""
    # A leap second is legal in FHIR, but not in Python.
    return datetime.fromisoformat(text.replace(":60", ":59", 1) if text[16:19] == ":60" else text)


def not_after(start: str, end: str) -> bool:
    """Say whether ``start`` can be at or before ``end``: both may be partial dates."""
    if "T" in start and "T" in end:
        return instant_of(start) <= instant_of(end)
    if "T" in start or "T" in end:
        shortest = min(len(start), len(end), 10)
        if shortest < 10:
            return start[:shortest] <= end[:shortest]
        # A day without a time zone may begin up to a day earlier or later elsewhere.
        return date.fromisoformat(start[:10]) - date.fromisoformat(end[:10]) <= timedelta(days=1)
    shortest = min(len(start), len(end))
    return start[:shortest] <= end[:shortest]


@rule("Extension", "ext-1")
def _ext_1(value: Value) -> bool:
    return ("extension" in value) != has_choice(value, "value")


@rule("Period", "per-1")
def _per_1(value: Value) -> bool:
    start, end = value.get("start"), value.get("end")
    return start is None or end is None or not_after(start, end)


@rule("Quantity", "qty-3")
def _qty_3(value: Value) -> bool:
    return not has(value, "code") or has(value, "system")


@rule("Range", "rng-2")
def _rng_2(value: Value) -> bool:
    low, high = value.get("low", {}), value.get("high", {})
    if low.get("value") is None or high.get("value") is None:
        return True
    same_unit = low.get("code", low.get("unit")) == high.get("code", high.get("unit"))
    return not same_unit or bool(low["value"] <= high["value"])


@rule("Ratio", "rat-1")
def _rat_1(value: Value) -> bool:
    numerator = "numerator" in value
    return numerator == ("denominator" in value) and (numerator or "extension" in value)


@rule("ContactPoint", "cpt-2")
def _cpt_2(value: Value) -> bool:
    return not has(value, "value") or has(value, "system")


@rule("Attachment", "att-1")
def _att_1(value: Value) -> bool:
    return not has(value, "data") or has(value, "contentType")


def _unit(value: Value) -> bool:
    """Say whether a value has a code, and a system, if any, is UCUM."""
    return (has(value, "code") or not has(value, "value")) and (value.get("system", UCUM) == UCUM)


@rule("Age", "age-1")
def _age_1(value: Value) -> bool:
    return _unit(value) and ("value" not in value or value["value"] > 0)


@rule("Count", "cnt-3")
def _cnt_3(value: Value) -> bool:
    whole = "value" not in value or "." not in str(value["value"])
    return _unit(value) and value.get("code", "1") == "1" and whole


@rule("Distance", "dis-1")
def _dis_1(value: Value) -> bool:
    return _unit(value)


@rule("Duration", "drt-1")
def _drt_1(value: Value) -> bool:
    return not has(value, "code") or (value.get("system") == UCUM and has(value, "value"))


@rule("DataRequirement.codeFilter", "drq-1")
@rule("DataRequirement.dateFilter", "drq-2")
def _drq(value: Value) -> bool:
    return has(value, "path") != has(value, "searchParam")


@rule("Expression", "exp-1")
def _exp_1(value: Value) -> bool:
    return has(value, "expression", "reference")


def _needs(owner: str, key: str, member: str, other: str) -> None:
    """Declare: where there is ``member``, there must be ``other``."""
    rule(owner, key)(lambda value: not has(value, member) or has(value, other))


_needs("Timing.repeat", "tim-1", "duration", "durationUnit")
_needs("Timing.repeat", "tim-2", "period", "periodUnit")
_needs("Timing.repeat", "tim-6", "periodMax", "period")
_needs("Timing.repeat", "tim-7", "durationMax", "duration")
_needs("Timing.repeat", "tim-8", "countMax", "count")
_needs("TriggerDefinition", "trd-2", "condition", "data")
_needs("ServiceRequest", "prr-1", "orderDetail", "code")
_needs("ValueSet.expansion.contains", "vsd-10", "code", "system")


def _one_of(owner: str, key: str, *members: str) -> None:
    """Declare: one of ``members`` must be there."""
    rule(owner, key)(lambda value: has(value, *members))


_one_of("Bundle.entry", "bdl-5", "resource", "request", "response")
_one_of("Appointment.participant", "app-1", "type", "actor")
_one_of("Composition.section", "cmp-1", "text", "entry", "section")
_one_of("Condition.stage", "con-1", "summary", "assessment")
_one_of("Condition.evidence", "con-2", "code", "detail")
_one_of("Consent", "ppc-1", "policy", "policyRule")
_one_of("Immunization.education", "imm-1", "documentType", "reference")
_one_of("Observation.referenceRange", "obs-3", "low", "high", "text")
_one_of("Organization", "org-1", "identifier", "name")
_one_of("Patient.contact", "pat-1", "name", "telecom", "address", "organization")
_one_of("ValueSet.compose.include", "vsd-1", "valueSet", "system")
_one_of("ValueSet.expansion.contains", "vsd-6", "code", "display")


def _not_both(owner: str, key: str, member: str, other: str) -> None:
    """Declare: ``member`` and ``other`` exclude one another."""
    rule(owner, key)(lambda value: not (has(value, member) and has(value, other)))


_not_both("Timing.repeat", "tim-10", "timeOfDay", "when")
_not_both("AuditEvent.entity", "sev-1", "name", "query")
_not_both("CarePlan.activity", "cpl-3", "detail", "reference")
_not_both("Composition.section", "cmp-2", "emptyReason", "entry")
_not_both("List", "lst-1", "emptyReason", "entry")
_not_both("Questionnaire.item", "que-4", "answerOption", "answerValueSet")
_not_both("Questionnaire.item", "que-11", "answerOption", "initial")
_not_both("QuestionnaireResponse.item", "qrs-1", "answer", "item")
_not_both("ValueSet.compose.include", "vsd-3", "concept", "filter")


@rule("Timing.repeat", "tim-4")
def _tim_4(value: Value) -> bool:
    return bool(value.get("duration", 0) >= 0)


@rule("Timing.repeat", "tim-5")
def _tim_5(value: Value) -> bool:
    return bool(value.get("period", 0) >= 0)


@rule("Timing.repeat", "tim-9")
def _tim_9(value: Value) -> bool:
    if not has(value, "offset"):
        return True
    meals = {"C", "CM", "CD", "CV"}
    return has(value, "when") and not meals.intersection(value.get("when", ()))


@rule("TriggerDefinition", "trd-1")
def _trd_1(value: Value) -> bool:
    return not ("data" in value and has_choice(value, "timing"))


@rule("TriggerDefinition", "trd-3")
def _trd_3(value: Value) -> bool:
    kind = value.get("type", "")
    return (
        (kind != "named-event" or has(value, "name"))
        and (kind != "periodic" or has_choice(value, "timing"))
        and (not kind.startswith("data-") or has(value, "data"))
    )
