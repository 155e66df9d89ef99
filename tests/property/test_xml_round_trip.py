"""Whatever resource R4 allows: XML carries it there and back; whatever bytes: an answer in time."""

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fhir.outcomes import FHIRError
from fhir.registry import resource_types
from fhir.xml import R4, from_xml, to_xml
from fhir.xml.model import Field, Form, Shape

# What XML can carry and R4 allows in a string: https://hl7.org/fhir/R4/datatypes.html#string
texts = st.text(
    st.sampled_from("\t\n\r <>&\"'é\u00a0\u2028\ufffd\U0001f600")
    | st.characters(min_codepoint=33, max_codepoint=0xD7FF),
    min_size=1,
    max_size=8,
).filter(lambda text: text.strip() != "")
inner = st.sampled_from(["a&amp;b", "&#160;", "<br/>", '<p title="x>y">é</p>', " ", "\n", "&lt;"])
divs = st.lists(inner, min_size=1, max_size=4).map(
    lambda parts: f'<div xmlns="http://www.w3.org/1999/xhtml">{"".join(parts)}</div>'
)
decimals = st.sampled_from(["0", "-1", "1.50", "0.00", "1E-3", "2e+10", "0.10000000000000000001"])
integers = st.sampled_from(["0", "1", "-7", "2147483647"])


class Number(str):
    """A number that is written into JSON as it stands."""

    __slots__ = ()


def primitive(kind: str) -> st.SearchStrategy[Any]:
    if kind == "boolean":
        return st.booleans()
    if kind == "decimal":
        return decimals.map(Number)
    if kind in {"integer", "positiveInt", "unsignedInt"}:
        return integers.map(Number)
    return texts


@st.composite
def beside(draw: st.DrawFn) -> dict[str, Any]:
    """Draw id, extensions or both of a primitive."""
    found: dict[str, Any] = {}
    if draw(st.booleans()):
        found["id"] = draw(texts)
    if not found or draw(st.booleans()):
        found["extension"] = [
            {"url": "http://example.org/e", "valueDecimal": draw(decimals.map(Number))}
        ]
    return found


@st.composite
def values(draw: st.DrawFn, field: Field, depth: int) -> dict[str, Any]:
    """Draw the members of one element: its value, and what stands beside a primitive's."""
    size = draw(st.integers(1, 2)) if field.many else 1
    if field.form is not Form.PRIMITIVE:
        each: st.SearchStrategy[Any]
        if field.form is Form.XHTML:
            each = divs
        elif field.form is Form.RESOURCE:
            each = resources(depth - 1)
        else:
            each = objects(R4.shape(field.type), depth - 1)
        drawn = [draw(each) for _ in range(size)]
        return {field.name: drawn if field.many else drawn[0]}
    pairs = []
    for _ in range(size):
        extra = draw(st.none() | beside())
        value = draw(primitive(field.type))
        bare = extra is not None and "extension" in extra and draw(st.booleans())
        pairs.append((None if bare else value, extra))
    found: dict[str, Any] = {}
    for name, listed in (
        (field.name, [v for v, _ in pairs]),
        (f"_{field.name}", [e for _, e in pairs]),
    ):
        if any(each is not None for each in listed):
            found[name] = listed if field.many else listed[0]
    return found


@st.composite
def objects(draw: st.DrawFn, shape: Shape, depth: int) -> dict[str, Any]:
    """Draw a complex value or the members of a resource, its elements in any order."""
    fields = list(shape.fields.values())
    if depth <= 0:
        # As shallow as it can be: CarePlan.activity has nothing but complex elements.
        fields = [field for field in fields if field.form is Form.PRIMITIVE] or fields
    choices: dict[int, list[Field]] = {}
    for field in fields:
        choices.setdefault(field.position, []).append(field)
    places = draw(st.lists(st.sampled_from(sorted(choices)), min_size=1, max_size=3, unique=True))
    found: dict[str, Any] = {}
    for name in shape.attributes:
        if name == "url" or draw(st.booleans()):
            found[name] = draw(texts)
    for place in places:
        found.update(draw(values(draw(st.sampled_from(choices[place])), depth)))
    return found


def resources(depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from(sorted(resource_types())).flatmap(
        lambda kind: objects(R4.shape(kind), depth).map(
            lambda found: {"resourceType": kind} | found
        )
    )


def as_json(value: Any) -> str:
    """Write JSON; numbers as they stand."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{as_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return f"[{','.join(map(as_json, value))}]"
    return json.dumps(value)


@settings(max_examples=200, deadline=None)
@given(resources(), st.booleans())
def test_any_resource_comes_back_as_it_went(resource: dict[str, Any], pretty: bool) -> None:
    document = to_xml(as_json(resource), pretty=pretty)
    returned = from_xml(document)
    assert json.loads(returned, parse_float=Number, parse_int=Number) == resource
    assert to_xml(returned, pretty=pretty) == document


@settings(max_examples=200, deadline=None)
@given(resources(1), st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=6)), max_size=4))
def test_any_bytes_get_an_answer(
    resource: dict[str, Any], changes: list[tuple[int, bytes]]
) -> None:
    raw = bytearray(to_xml(as_json(resource)))
    for place, written in changes:
        at = place % len(raw)
        raw[at : at + 1] = written
    with contextlib.suppress(FHIRError):
        json.loads(from_xml(bytes(raw)))
