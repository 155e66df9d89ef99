"""Invariants of single resource types; registered in ``invariants.RULES``."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from fhir.validation.invariants import (
    UCUM,
    Value,
    codings,
    has,
    has_choice,
    not_after,
    rule,
)
from fhir.validation.references import target_type

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_ENTERED_IN_ERROR = "entered-in-error"
_DISPLAY = "display"
_SIMPLE_QUESTIONS = {"boolean", "decimal", "integer", "string", "text", "url", "open-choice"}
_CODED_QUESTIONS = {
    *("choice", "open-choice", "decimal", "integer", "date", "dateTime", "time", "string"),
    "quantity",
}


def _withdrawn(value: Value, system: str) -> bool:
    return (_TERMINOLOGY + system, _ENTERED_IN_ERROR) in codings(value.get("verificationStatus"))


@rule("AllergyIntolerance", "ait-1")
def _ait_1(value: Value) -> bool:
    return "clinicalStatus" in value or _withdrawn(value, "allergyintolerance-verification")


@rule("AllergyIntolerance", "ait-2")
def _ait_2(value: Value) -> bool:
    withdrawn = _withdrawn(value, "allergyintolerance-verification")
    return not withdrawn or "clinicalStatus" not in value


@rule("Appointment", "app-2")
def _app_2(value: Value) -> bool:
    return has(value, "start") == has(value, "end")


@rule("Appointment", "app-3")
def _app_3(value: Value) -> bool:
    timed = has(value, "start") and has(value, "end")
    return timed or value.get("status") in {"proposed", "cancelled", "waitlist"}


@rule("Appointment", "app-4")
def _app_4(value: Value) -> bool:
    return "cancelationReason" not in value or value.get("status") in {"no-show", "cancelled"}


@rule("CareTeam.participant", "ctm-1")
def _ctm_1(value: Value) -> bool:
    if "onBehalfOf" not in value:
        return True
    member = target_type(value.get("member", {}).get("reference", ""))
    return member in {None, "Practitioner"}


def _concept_codes(concepts: list[Value]) -> Iterator[str]:
    for concept in concepts:
        if "code" in concept:
            yield concept["code"]
        yield from _concept_codes(concept.get("concept", []))


@rule("CodeSystem", "csd-1")
def _csd_1(value: Value) -> bool:
    codes = list(_concept_codes(value.get("concept", [])))
    return len(codes) == len(set(codes))


@rule("Condition", "con-4")
def _con_4(value: Value) -> bool:
    if not has_choice(value, "abatement"):
        return True
    ended = {"resolved", "remission", "inactive"}
    return any(
        system == _TERMINOLOGY + "condition-clinical" and code in ended
        for system, code in codings(value.get("clinicalStatus"))
    )


@rule("Condition", "con-5")
def _con_5(value: Value) -> bool:
    return not _withdrawn(value, "condition-ver-status") or "clinicalStatus" not in value


@rule("Goal.target", "gol-1")
def _gol_1(value: Value) -> bool:
    return not has_choice(value, "detail") or "measure" in value


@rule("Group", "grp-1")
def _grp_1(value: Value) -> bool:
    return "member" not in value or value.get("actual") is True


@rule("List", "lst-2")
def _lst_2(value: Value) -> bool:
    return value.get("mode") == "changes" or not any(
        has(entry, "deleted") for entry in value.get("entry", ())
    )


@rule("List", "lst-3")
def _lst_3(value: Value) -> bool:
    return value.get("mode") == "working" or not any(
        has(entry, "date") for entry in value.get("entry", ())
    )


@rule("Measure", "mea-1")
def _mea_1(value: Value) -> bool:
    return all(
        has(stratifier, "code", "description", "criteria") != ("component" in stratifier)
        for group in value.get("group", ())
        for stratifier in group.get("stratifier", ())
    )


@rule("MeasureReport", "mrp-1")
def _mrp_1(value: Value) -> bool:
    return value.get("type") != "data-collection" or "group" not in value


@rule("MeasureReport", "mrp-2")
def _mrp_2(value: Value) -> bool:
    return all(
        ("value" in stratum) != ("component" in stratum)
        for group in value.get("group", ())
        for stratifier in group.get("stratifier", ())
        for stratum in stratifier.get("stratum", ())
    )


@rule("MessageDefinition.focus", "md-1")
def _md_1(value: Value) -> bool:
    most = value.get("max", "*")
    return bool(most == "*" or (most.isdecimal() and int(most) > 0))


@rule("Observation", "obs-6")
def _obs_6(value: Value) -> bool:
    return "dataAbsentReason" not in value or not has_choice(value, "value")


@rule("Observation", "obs-7")
def _obs_7(value: Value) -> bool:
    if "component" not in value or not has_choice(value, "value"):
        return True
    own: list[Any] = value.get("code", {}).get("coding", [])
    return not any(
        coding in own
        for component in value["component"]
        for coding in component.get("code", {}).get("coding", ())
    )


@rule("Organization", "org-2")
def _org_2(value: Value) -> bool:
    return all(address.get("use") != "home" for address in value.get("address", ()))


@rule("Organization", "org-3")
def _org_3(value: Value) -> bool:
    return all(telecom.get("use") != "home" for telecom in value.get("telecom", ()))


@rule("Parameters.parameter", "inv-1")
def _parameter_inv_1(value: Value) -> bool:
    return [has_choice(value, "value"), "resource" in value, "part" in value].count(True) == 1


@rule("RiskAssessment.prediction", "ras-1")
def _ras_1(value: Value) -> bool:
    ends = value.get("probabilityRange", {})
    return all(
        ends[end].get("code") == "%" and ends[end].get("system") == UCUM
        for end in ("low", "high")
        if end in ends
    )


@rule("RiskAssessment.prediction", "ras-2")
def _ras_2(value: Value) -> bool:
    return bool(value.get("probabilityDecimal", 0) <= 100)


@rule("Task", "inv-1")
def _task_inv_1(value: Value) -> bool:
    authored, modified = value.get("authoredOn"), value.get("lastModified")
    return authored is None or modified is None or not_after(authored, modified)


@rule("ValueSet.compose.include", "vsd-2")
def _vsd_2(value: Value) -> bool:
    return not has(value, "concept", "filter") or has(value, "system")


@rule("ValueSet.expansion.contains", "vsd-9")
def _vsd_9(value: Value) -> bool:
    return has(value, "code") or value.get("abstract") is True


def _link_ids(items: list[Value]) -> Iterator[str]:
    for item in items:
        if "linkId" in item:
            yield item["linkId"]
        yield from _link_ids(item.get("item", []))


@rule("Questionnaire", "que-2")
def _que_2(value: Value) -> bool:
    counted = Counter(_link_ids(value.get("item", [])))
    return not counted or max(counted.values()) == 1


@rule("Questionnaire.item", "que-1")
def _que_1(value: Value) -> bool:
    kind = value.get("type")
    return (kind != "group" or "item" in value) and (kind != _DISPLAY or "item" not in value)


@rule("Questionnaire.item", "que-3")
def _que_3(value: Value) -> bool:
    return value.get("type") != _DISPLAY or "code" not in value


@rule("Questionnaire.item", "que-5")
def _que_5(value: Value) -> bool:
    return value.get("type") in _CODED_QUESTIONS or not has(value, "answerOption", "answerValueSet")


@rule("Questionnaire.item", "que-6")
def _que_6(value: Value) -> bool:
    return value.get("type") != _DISPLAY or not has(value, "required", "repeats")


@rule("Questionnaire.item", "que-8")
def _que_8(value: Value) -> bool:
    return not has(value, "initial") or value.get("type") not in {"group", _DISPLAY}


@rule("Questionnaire.item", "que-9")
def _que_9(value: Value) -> bool:
    return value.get("type") != _DISPLAY or not has(value, "readOnly")


@rule("Questionnaire.item", "que-10")
def _que_10(value: Value) -> bool:
    return not has(value, "maxLength") or value.get("type") in _SIMPLE_QUESTIONS


@rule("Questionnaire.item", "que-12")
def _que_12(value: Value) -> bool:
    # R4's own expression counts more than two; its sentence, and HL7's validator, more than one.
    return len(value.get("enableWhen", ())) <= 1 or has(value, "enableBehavior")


@rule("Questionnaire.item", "que-13")
def _que_13(value: Value) -> bool:
    return value.get("repeats") is True or len(value.get("initial", ())) <= 1


@rule("Questionnaire.item.enableWhen", "que-7")
def _que_7(value: Value) -> bool:
    return value.get("operator") != "exists" or "answerBoolean" in value
