"""Whatever a patch says, it is done or refused as FHIR refuses: nothing else is ever raised."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir import jsontext
from fhir.outcomes import FHIRError
from fhir.patch import patched, read_fhirpath_patch, read_json_patch

PATIENT = json.dumps(
    {
        "resourceType": "Patient",
        "id": "p",
        "name": [{"family": "Price", "given": ["Gwen", None], "_given": [None, {"id": "x"}]}],
        "birthDate": "1950",
        "_birthDate": {"extension": [{"url": "http://a.example/x", "valueDecimal": 1.5}]},
        "contained": [{"resourceType": "Organization", "id": "o", "name": "A"}],
        "contact": [{"gender": "male", "name": {"text": "a"}}],
        "multipleBirthInteger": 2,
    }
)
_json = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(["", "a", "male", "1950-01", "\ud800", "\x00"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["", "a", "url", "_a", "resourceType"]), inner, max_size=3),
    ),
    max_leaves=6,
)
_tokens = st.sampled_from(
    ["name", "0", "1", "-", "given", "_given", "birthDate", "contained", "id", "", "~1", "01", "a"]
)
_pointers = st.lists(_tokens, max_size=4).map(lambda tokens: "".join(f"/{t}" for t in tokens))
_operations = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"])},
    optional={"path": _pointers, "from": _pointers, "value": _json},
)
_steps = st.sampled_from(
    [
        *("Patient", "name", "given", "birthDate", "extension", "contained", "contact", "gender"),
        *("multipleBirth", "value", "meta", "text", "id", "first()", "last()", "single()"),
        *("where(use = 'a')", "where($this = 'Gwen')", "where(value > 1)", "ofType(integer)"),
        *("extension('http://a.example/x')", "where(", "where()", "resolve()", "as(string)", ""),
    ]
)
_indexed = st.tuples(_steps, st.sampled_from(["", "", "[0]", "[1]", "[9]", "[x]"])).map("".join)
_paths = st.lists(_indexed, min_size=1, max_size=5).map(".".join)
_values = st.one_of(
    st.fixed_dictionaries({"valueString": st.just("a")}),
    st.fixed_dictionaries({"valueCode": st.just("male")}),
    st.fixed_dictionaries({"valueInteger": st.integers(-3, 3)}),
    st.fixed_dictionaries({"valueHumanName": st.just({"text": "a"})}),
    st.fixed_dictionaries({"_valueDate": st.just({"id": "x"})}),
    st.fixed_dictionaries({"resource": st.just({"resourceType": "Basic", "code": {"text": "x"}})}),
    st.fixed_dictionaries(
        {"part": st.just([{"name": "gender", "valueCode": "male"}, {"name": "x"}])}
    ),
)
_numbers = st.fixed_dictionaries({"valueInteger": st.integers(-2, 4)})


def _named(name: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return value.map(lambda found: {"name": name, **found})


_parts = st.tuples(
    st.sampled_from(["add", "insert", "delete", "replace", "move"]).map(
        lambda kind: {"name": "type", "valueCode": kind}
    ),
    _paths.map(lambda path: {"name": "path", "valueString": path or "x"}),
    _named("value", _values),
    _named("index", _numbers),
    _named("source", _numbers),
    _named("destination", _numbers),
    _steps.map(lambda step: {"name": "name", "valueString": step or "x"}),
)
_OF = {
    "add": {"name", "value"},
    "insert": {"index", "value"},
    "delete": set(),
    "replace": {"value"},
    "move": {"source", "destination"},
}


def _one(parts: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    wanted = {"type", "path", *_OF[parts[0]["valueCode"]]}
    return {"name": "operation", "part": [part for part in parts if part["name"] in wanted]}


def _status(patch: str, *, is_json: bool) -> int:
    """Return what the API would answer before it looks whether the resource is legal."""
    try:
        read = read_json_patch if is_json else read_fhirpath_patch
        jsontext.parse(patched(PATIENT, read(patch)))
    except FHIRError as error:
        return error.status
    return 200


@settings(max_examples=500, deadline=None)
@given(st.lists(_operations, max_size=4))
def test_any_json_patch_is_done_or_refused(operations: list[dict[str, Any]]) -> None:
    assert _status(json.dumps(operations), is_json=True) in {200, 400, 422}


@settings(max_examples=500, deadline=None)
@given(st.lists(_parts.map(_one), min_size=1, max_size=3))
def test_any_fhirpath_patch_is_done_or_refused(operations: list[dict[str, Any]]) -> None:
    text = json.dumps({"resourceType": "Parameters", "parameter": operations})
    assert _status(text, is_json=False) in {200, 400, 422}


@pytest.mark.parametrize("text", ["", "\ufeff[]", "[[", "nul", '"a"', "[" * 100 + "]" * 100])
def test_any_text_is_read_or_refused(text: str) -> None:
    for is_json in (True, False):
        done = 200 if is_json and text == "\ufeff[]" else 400
        assert _status(text, is_json=is_json) in {done, 422 if text.startswith("[[[") else done}
