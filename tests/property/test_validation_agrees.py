"""Whatever JSON comes in: validation never fails, and its two passes agree."""

import copy
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fhir.validation import validate
from fhir.validation.accept import accepts
from fhir.validation.report import report

GOOD: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "p",
        "meta": {"profile": ["http://example.org/p"], "tag": [{"system": "s", "code": "c"}]},
        "text": {"status": "empty", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
        "contained": [{"resourceType": "Organization", "id": "o", "name": "n"}],
        "extension": [{"url": "http://example.org/e", "valuePeriod": {"start": "2026"}}],
        "identifier": [{"use": "official", "value": "9990000018", "period": {"end": "2026-01"}}],
        "name": [{"family": "P", "given": ["G", "M"], "_given": [None, {"id": "x"}]}],
        "managingOrganization": {"reference": "#o"},
        "contact": [{"name": {"text": "N"}, "telecom": [{"system": "phone", "value": "1"}]}],
        "multipleBirthInteger": 2,
    },
    {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a",
                "request": {"method": "POST", "url": "Task"},
                "resource": {
                    "resourceType": "Task",
                    "status": "requested",
                    "intent": "order",
                    "for": {"reference": "Patient/1", "type": "Patient"},
                    "restriction": {"period": {"end": "2026-05-01T09:00:00Z"}},
                    "input": [{"type": {"text": "t"}, "valueDecimal": Decimal("1.50")}],
                },
            }
        ],
    },
    {
        "resourceType": "Questionnaire",
        "status": "active",
        "item": [
            {"linkId": "1", "type": "group", "item": [{"linkId": "2", "type": "string"}]},
            {"linkId": "3", "type": "choice", "answerOption": [{"valueCoding": {"code": "a"}}]},
        ],
    },
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["#o", "Patient/1", "2026-05-01", "active", "http://a.org", "Foo/1", "#"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "url", "reference", "coding", "start", "value", "resourceType"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
names = st.sampled_from(
    ["id", "_id", "meta", "text", "contained", "name", "_name", "entry", "item", "valueString"]
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) of a JSON value."""
    found: list[tuple[Any, Any]] = []
    stack = [value]
    while stack:
        node = stack.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        for key in keys:
            found.append((node, key))
            if isinstance(node[key], dict | list):
                stack.append(node[key])
    return found


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_the_passes_agree_on_any_change(data: st.DataObject) -> None:
    resource = copy.deepcopy(data.draw(st.sampled_from(GOOD)))
    for _ in range(data.draw(st.integers(0, 3))):
        container, key = data.draw(st.sampled_from(places(resource)))
        if isinstance(container, dict) and data.draw(st.booleans()):
            container[data.draw(names)] = data.draw(values)
        elif isinstance(container, dict) and data.draw(st.booleans()):
            container.pop(key, None)
        elif not isinstance(container, dict) or key in container:
            container[key] = data.draw(values)
    kind = resource.get("resourceType")
    found = validate(resource)
    assert all(issue.expression for issue in found)
    if isinstance(kind, str) and kind in {"Patient", "Bundle", "Questionnaire"}:
        assert not (accepts(resource) and list(report(resource)))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(names | st.just("resourceType"), values, max_size=4))
def test_any_object_gets_an_answer(resource: dict[str, Any]) -> None:
    validate(resource)
    validate(resource, server_meta=False)
