"""Legal resources of every type, made from the registry and, for its invariants, from R4's text.

What the hub's validator says has no part in it: the members that an invariant speaks of are put
in or left out by the lists below, which are read off the standard.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from fhir import registry
from fhir.registry import Element

DEPTH = 3
"""Below it only what is required."""
MOST_OPTIONAL = 4

ALWAYS: Mapping[str, tuple[str, ...]] = {
    "AllergyIntolerance": ("clinicalStatus",),
    "Appointment": ("start", "end"),
    "Appointment.participant": ("actor",),
    "Composition.section": ("entry",),
    "Condition.evidence": ("code",),
    "Condition.stage": ("summary",),
    "Consent": ("policyRule",),
    "Immunization.education": ("documentType",),
    "Observation.referenceRange": ("text",),
    "Organization": ("name",),
    "Patient.contact": ("name",),
    "ValueSet.compose.include": ("system",),
    "ValueSet.expansion.contains": ("code", "display", "system"),
}
"""Owner -> members that an invariant asks for."""

NEVER: Mapping[str, tuple[str, ...]] = {
    "AllergyIntolerance": ("verificationStatus",),
    "Appointment": ("cancelationReason",),
    "AuditEvent.entity": ("query",),
    "CarePlan.activity": ("reference",),
    "CareTeam.participant": ("onBehalfOf",),
    "CodeSystem": ("concept",),
    "Composition.section": ("emptyReason",),
    "Condition": ("abatement", "verificationStatus"),
    "Goal.target": ("detail",),
    "Group": ("member",),
    "List": ("emptyReason",),
    "List.entry": ("date", "deleted"),
    "Measure.group": ("stratifier",),
    "MeasureReport": ("group",),
    "MessageDefinition.focus": ("max",),
    "Observation": ("dataAbsentReason", "component"),
    "Organization": ("address", "telecom"),
    "Questionnaire.item": (
        *("answerOption", "answerValueSet", "code", "enableWhen", "initial", "item", "maxLength"),
        *("readOnly", "repeats", "required"),
    ),
    "QuestionnaireResponse.item": ("item",),
    "RiskAssessment.prediction": ("probability",),
    "ServiceRequest": ("orderDetail",),
    "Task": ("lastModified",),
    "ValueSet.compose.include": ("filter", "valueSet"),
}
"""Owner -> members that an invariant forbids beside others, or wants in step with others."""

LEFT_OUT = frozenset({"id", "meta", "contained", "text", "extension", "modifierExtension"})
"""The server's, or made on purpose elsewhere."""

UCUM = {"system": "http://unitsofmeasure.org", "code": "a"}
NARRATIVE = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">é</div>'}
EXTENSION = {"url": "http://example.org/extension", "valueDecimal": Decimal("0.10")}

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" \n\t"),
    min_size=1,
    max_size=12,
)
codes = st.sampled_from(["a", "text/plain", "two words", "en-GB", "Ω"])
uris = st.sampled_from(["urn:oid:1.2.3", "https://example.org/fhir/a|1#x", "urn:x:é"])
moments = st.sampled_from(
    [
        "2026-05-01T09:00:00Z",
        "2026-05-01T09:00:00.120+01:00",
        "1951-02-28T23:59:60.000000001-13:30",
        "2024-02-29T00:00:00-00:00",
    ]
)
PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "base64Binary": st.sampled_from(["QQ==", "QUJD", "QUI="]),
    "boolean": st.booleans(),
    "canonical": uris,
    "code": codes,
    "date": st.sampled_from(["1951", "1951-03", "2024-02-29"]),
    "dateTime": moments | st.sampled_from(["2026", "2026-11", "2026-11-25"]),
    "decimal": st.sampled_from(["1.50", "0", "-0.001", "12345678901234567890.5", "1"]).map(Decimal),
    "id": st.from_regex(r"[A-Za-z0-9\-.]{1,64}", fullmatch=True),
    "instant": moments,
    "integer": st.integers(-(2**31), 2**31 - 1),
    "markdown": texts,
    "oid": st.just("urn:oid:2.16.840.1"),
    "positiveInt": st.integers(1, 2**31 - 1),
    "string": texts,
    "time": st.sampled_from(["09:00:00", "23:59:59.5"]),
    "unsignedInt": st.integers(0, 2**31 - 1),
    "uri": uris,
    "url": uris,
    "uuid": st.just("urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"),
}

BY_HAND: dict[str, st.SearchStrategy[Any]] = {
    "Age": st.just({"value": Decimal("70.50"), **UCUM}),
    "Attachment": st.sampled_from(
        [{"contentType": "text/plain", "data": "QQ=="}, {"url": "https://example.org/a"}]
    ),
    "ContactPoint": st.just({"system": "phone", "value": "01632 960123"}),
    "Count": st.just({"value": 3, **UCUM, "code": "1"}),
    "DataRequirement": st.just({"type": "Patient", "codeFilter": [{"path": "code"}]}),
    "Distance": st.just({"value": Decimal("1.0"), **UCUM, "code": "km"}),
    "Duration": st.just({"value": 2, **UCUM, "code": "h"}),
    "Expression": st.just({"language": "text/fhirpath", "expression": "true"}),
    "Extension": st.just(EXTENSION),
    "Narrative": st.just(NARRATIVE),
    "Period": st.sampled_from([{"start": "2026"}, {"end": "2026-05-01T09:00:00.0Z"}]),
    "Quantity": st.sampled_from(
        [{"value": Decimal("61.50"), "unit": "kg"}, {"value": 1, "comparator": "<", **UCUM}]
    ),
    "Range": st.sampled_from([{"low": {"value": 1}}, {"high": {"value": Decimal("2.0")}}]),
    "Ratio": st.just({"numerator": {"value": 1}, "denominator": {"value": 2}}),
    "Timing": st.just({"repeat": {"frequency": 1, "period": Decimal("1.0"), "periodUnit": "d"}}),
    "TriggerDefinition": st.just({"type": "named-event", "name": "n"}),
}
"""Data types whose invariants tie their members together."""
BY_HAND["SimpleQuantity"] = st.just({"value": 1})

FIXED: Mapping[str, st.SearchStrategy[Any]] = {
    "Questionnaire.item.linkId": st.uuids().map(str),
    "Questionnaire.item.type": st.just("string"),
    "MeasureReport.type": st.just("individual"),
}


def _coded(element: Element, kind: str) -> st.SearchStrategy[Any] | None:
    """Return values of a required binding, where R4 lists its codes."""
    systems = registry.required_codes(element.codes) if element.codes else None
    if systems is None:
        return None
    pairs = sorted((system, code) for system, listed in systems.items() for code in listed)
    if kind == "code":
        return st.sampled_from([code for _, code in pairs])
    coding = st.sampled_from([{"system": system, "code": code} for system, code in pairs])
    return coding if kind == "Coding" else coding.map(lambda found: {"coding": [found]})


def _reference(element: Element) -> st.SearchStrategy[Any]:
    kinds = sorted(element.targets) or ["Patient", "Task"]
    return st.sampled_from(kinds).flatmap(
        lambda kind: st.sampled_from(
            [
                {"reference": f"{kind}/a-1"},
                {"reference": f"https://example.org/fhir/{kind}/a/_history/2", "type": kind},
                {"display": "somebody", "identifier": {"value": "1"}},
            ]
        )
    )


@st.composite
def _value(draw: st.DrawFn, element: Element, kind: str, depth: int) -> Any:
    if element.path in FIXED:
        return draw(FIXED[element.path])
    coded = _coded(element, kind)
    if coded is not None:
        return draw(coded)
    if kind in PRIMITIVES:
        return draw(PRIMITIVES[kind])
    if kind in BY_HAND:
        return draw(BY_HAND[kind])
    if kind == "Reference":
        return draw(_reference(element))
    if kind == "CodeableConcept":
        coding = {"system": "https://example.org/codes", "code": draw(codes), "userSelected": True}
        return draw(st.sampled_from([{"text": draw(texts)}, {"coding": [coding]}]))
    return draw(_object(element.owner or kind, depth + 1))


@st.composite
def _object(draw: st.DrawFn, owner: str, depth: int) -> dict[str, Any]:
    elements = registry.elements(owner)
    needed = {*ALWAYS.get(owner, ()), *(name for name, each in elements.items() if each.min)}
    barred = LEFT_OUT.union(NEVER.get(owner, ())) - needed
    free = [name for name in elements if name not in needed and name not in barred]
    wanted = 0 if depth > DEPTH else MOST_OPTIONAL
    chosen = draw(st.lists(st.sampled_from(free), max_size=wanted, unique=True)) if free else []
    if not needed and not chosen and free:
        chosen = [name for name in free if elements[name].types[0] in PRIMITIVES][:1] or free[:1]
    found: dict[str, Any] = {}
    for name in elements:
        if name not in needed and name not in chosen:
            continue
        element = elements[name]
        kinds = [(m, k) for m, k in element.members.items() if k != "Resource"]
        member, kind = draw(st.sampled_from(kinds)) if kinds else ("", "")
        if not member:
            continue
        number = draw(st.integers(1, 2)) if element.many and depth < DEPTH else 1
        values = [draw(_value(element, kind, depth)) for _ in range(number)]
        found[member] = values if element.many else values[0]
        if kind in PRIMITIVES and not element.many and draw(st.integers(0, 5)) == 0:
            found[f"_{member}"] = {"id": "e1", "extension": [EXTENSION]}
    return found


@st.composite
def resources(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """Make a legal resource of a type, without id and meta."""
    made: dict[str, Any] = {"resourceType": kind, **draw(_object(kind, 0))}
    if registry.is_domain_resource(kind) and draw(st.booleans()):
        made["text"] = NARRATIVE
        made["extension"] = [EXTENSION, {"url": "urn:x:nested", "extension": [EXTENSION]}]
        made["contained"] = [{"resourceType": "Basic", "id": "b1", "code": {"text": "c"}}]
        made["extension"].append({"url": "urn:x:b", "valueReference": {"reference": "#b1"}})
    return made
