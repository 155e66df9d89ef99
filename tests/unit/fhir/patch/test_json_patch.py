"""JSON Patch as RFC 6902 and RFC 6901 say, and what it leaves as it was."""

import json
from typing import Any

import pytest

from fhir.outcomes import BadRequestError, FHIRError, UnprocessableError
from fhir.patch import patched, read_json_patch


def applied(document: Any, *operations: dict[str, Any]) -> Any:
    """Patch any JSON document: a resource is only where it stands."""
    inside = [
        {k: f"/x{v}" if k in {"path", "from"} else v for k, v in each.items()}
        for each in operations
    ]
    return read_json_patch(json.dumps(inside)).apply({"x": document})["x"]


@pytest.mark.parametrize(
    ("document", "operation", "expected"),
    [
        ({"a": 1}, {"op": "add", "path": "/b", "value": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"op": "add", "path": "/a", "value": 2}, {"a": 2}),
        ({"a": 1}, {"op": "add", "path": "/b", "value": None}, {"a": 1, "b": None}),
        ({"a": 1}, {"op": "add", "path": "/", "value": 2}, {"a": 1, "": 2}),
        ({"a": {"b": 1}}, {"op": "add", "path": "/a/c/", "value": 1}, None),
        ([1, 2], {"op": "add", "path": "/0", "value": 0}, [0, 1, 2]),
        ([1, 2], {"op": "add", "path": "/1", "value": 0}, [1, 0, 2]),
        ([1, 2], {"op": "add", "path": "/2", "value": 3}, [1, 2, 3]),
        ([1, 2], {"op": "add", "path": "/-", "value": [3, [4]]}, [1, 2, [3, [4]]]),
        ([1, 2], {"op": "add", "path": "/3", "value": 0}, None),
        ([1, 2], {"op": "add", "path": "/-1", "value": 0}, None),
        ([1, 2], {"op": "add", "path": "/01", "value": 0}, None),
        ([1, 2], {"op": "add", "path": "/1e0", "value": 0}, None),
        ([1, 2], {"op": "add", "path": "/a", "value": 0}, None),
        ({"a": 1}, {"op": "add", "path": "/b/c", "value": 0}, None),
        ("text", {"op": "add", "path": "/0", "value": 0}, None),
        ({"a": 1}, {"op": "add", "path": "", "value": [1]}, [1]),
        ({"a": [{"b": 1}]}, {"op": "add", "path": "/a/0/c", "value": 2}, {"a": [{"b": 1, "c": 2}]}),
        ({"a": 1, "b": 2}, {"op": "remove", "path": "/b"}, {"a": 1}),
        ([1, 2, 3], {"op": "remove", "path": "/1"}, [1, 3]),
        ([1, 2], {"op": "remove", "path": "/2"}, None),
        ([1, 2], {"op": "remove", "path": "/-"}, None),
        ({"a": 1}, {"op": "remove", "path": "/b"}, None),
        ({"a": 1, "b": 2}, {"op": "replace", "path": "/a", "value": [0]}, {"a": [0], "b": 2}),
        ([1, 2], {"op": "replace", "path": "/0", "value": 9}, [9, 2]),
        ([1, 2], {"op": "replace", "path": "/2", "value": 9}, None),
        ({"a": 1}, {"op": "replace", "path": "/b", "value": 9}, None),
        ({"a": 1}, {"op": "replace", "path": "", "value": {"b": 2}}, {"b": 2}),
        ({"a": 1, "b": [2]}, {"op": "move", "from": "/a", "path": "/b/0"}, {"b": [1, 2]}),
        ([1, 2, 3], {"op": "move", "from": "/0", "path": "/2"}, [2, 3, 1]),
        ([1, 2, 3], {"op": "move", "from": "/2", "path": "/0"}, [3, 1, 2]),
        ({"a": 1}, {"op": "move", "from": "/a", "path": "/a"}, {"a": 1}),
        ({"a": {"b": 1}}, {"op": "move", "from": "/a", "path": "/a/b"}, None),
        ({"a": 1}, {"op": "move", "from": "/b", "path": "/a"}, None),
        (
            {"a": {"b": 1}},
            {"op": "copy", "from": "/a", "path": "/c"},
            {"a": {"b": 1}, "c": {"b": 1}},
        ),
        ({"a": 1}, {"op": "copy", "from": "/b", "path": "/c"}, None),
        ({"a": [1, {"b": 2.0}]}, {"op": "test", "path": "/a", "value": [1.0, {"b": 2}]}, ...),
        ({"a": 1}, {"op": "test", "path": "/a", "value": "1"}, None),
        ({"a": 1}, {"op": "test", "path": "/a", "value": True}, None),
        ({"a": False}, {"op": "test", "path": "/a", "value": 0}, None),
        ({"a": None}, {"op": "test", "path": "/a", "value": None}, ...),
        ({"a": {"b": 1, "c": 2}}, {"op": "test", "path": "/a", "value": {"c": 2, "b": 1}}, ...),
        ({"a": {"b": 1}}, {"op": "test", "path": "/a", "value": {"b": 1, "c": 2}}, None),
        ([1, 2], {"op": "test", "path": "", "value": [1, 2]}, ...),
        ([1, 2], {"op": "test", "path": "/x", "value": 1}, None),
        ({"a/b": 1}, {"op": "test", "path": "/a~1b", "value": 1}, ...),
        ({"m~n": 8}, {"op": "test", "path": "/m~0n", "value": 8}, ...),
        ({"~1": 10}, {"op": "test", "path": "/~01", "value": 10}, ...),
        ({"": 0}, {"op": "test", "path": "/", "value": 0}, ...),
        ({"é": 1}, {"op": "test", "path": "/é", "value": 1}, ...),
        ({"a": 1}, {"op": "test", "path": "/a", "value": 1, "note": "is ignored"}, ...),
    ],
)
def test_one_operation(document: Any, operation: dict[str, Any], expected: Any) -> None:
    """None: refused. ``...``: the document stays as it is."""
    if expected is None:
        with pytest.raises(UnprocessableError) as refused:
            applied(document, operation)
        assert f"operation 0 ({operation['op']} /x" in refused.value.text
    else:
        unchanged = json.loads(json.dumps(document))
        assert applied(document, operation) == (unchanged if expected is ... else expected)


def test_operations_follow_one_another_and_what_was_copied_stands_alone() -> None:
    changed = applied(
        {"a": {"n": [1]}},
        {"op": "copy", "from": "/a", "path": "/b"},
        {"op": "add", "path": "/b/n/-", "value": 2},
        {"op": "test", "path": "/a/n", "value": [1]},
        {"op": "remove", "path": "/a"},
        {"op": "move", "from": "/b", "path": "/a"},
    )
    assert changed == {"a": {"n": [1, 2]}}


def test_the_second_operation_is_the_one_that_is_named() -> None:
    with pytest.raises(UnprocessableError, match=r"operation 1 \(test /x/a\): the value is"):
        applied(
            {"a": 1},
            {"op": "test", "path": "/a", "value": 1},
            {"op": "test", "path": "/a", "value": 2},
        )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "array of operations"),
        ("[1]", "operation 0 must be"),
        ('[{"path":"/a"}]', "op must be one of add"),
        ('[{"op":"spam","path":"/a"}]', "op must be one of add"),
        ('[{"op":["add"],"path":"/a"}]', "op must be one of add"),
        ('[{"op":"remove"}]', r"operation 0 \(remove\) needs path"),
        ('[{"op":"add","path":"/a"}]', "needs value"),
        ('[{"op":"copy","path":"/a"}]', "needs from"),
        ('[{"op":"move","path":"/a","from":"b"}]', "from of operation 0 .* begin with /"),
        ('[{"op":"remove","path":"a"}]', "path of operation 0 .* begin with /"),
        ('[{"op":"remove","path":7}]', "must be a JSON pointer"),
        ('[{"op":"remove","path":"/a~2"}]', "~ is written ~0"),
        ('[{"op":"remove","path":"/a~"}]', "~ is written ~0"),
        ('[{"op":"remove","op":"add","path":"/a"}]', "twice"),
        ("[", "not JSON"),
        ('[{"op":"add","path":"/a","value":NaN}]', "NaN"),
        ('[{"op":"add","path":"/a","value":"\\ud800"}]', "not JSON"),
    ],
)
def test_what_is_no_json_patch(text: str, said: str) -> None:
    with pytest.raises(BadRequestError, match=said):
        read_json_patch(text)
    assert BadRequestError.status == 400


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "copy", "from": "", "path": f"/a{n}"} for n in range(40)],
        [{"op": "copy", "from": "", "path": "/a" * (n + 1)} for n in range(80)],
        [{"op": "test", "path": "", "value": {}}] * 1_001,
        [{"op": "replace", "path": "/a" * 59, "value": json.loads("[" * 60 + "]" * 60)}],
        [{"op": "add", "path": "/a" * 60, "value": json.loads("[" * 60 + "]" * 60)}],
    ],
)
def test_a_patch_that_grows_without_bound_is_refused(operations: list[dict[str, Any]]) -> None:
    """Each copy doubles the resource, or makes it deeper: memory is not the limit, a rule is."""
    start: dict[str, Any] = {}
    node = start
    for _ in range(59):
        node["a"] = {}
        node = node["a"]
    with pytest.raises(FHIRError) as refused:
        read_json_patch(json.dumps(operations)).apply(start)
    assert refused.value.status == 422


def test_a_patch_that_copies_too_much_is_refused() -> None:
    operations = [{"op": "copy", "from": "/a", "path": f"/b{n}"} for n in range(60)]
    patch = read_json_patch(json.dumps(operations))
    assert len(patch.apply({"a": [1] * 100})) == 61
    with pytest.raises(UnprocessableError, match="copies too much"):
        patch.apply({"a": [1] * 2_000})


def test_what_a_patch_does_not_touch_keeps_its_text() -> None:
    before = (
        '{"resourceType":"Observation", "code" : {"text":"caf\\u00e9"},'
        '"valueQuantity":{"value":1.50,"unit":"kg"},'
        '"component":[{"valueQuantity":{"value":1e5}},{"valueQuantity":{"value":-0}},'
        '{"valueQuantity":{"value":123456789012345678901234567890}}]}'
    )
    patch = read_json_patch(
        '[{"op":"add","path":"/component/0/valueQuantity/unit","value":"g"},'
        '{"op":"add","path":"/status","value":"final"}]'
    )
    after = patched(before, patch)
    assert after == (
        '{"resourceType":"Observation","code":{"text":"caf\\u00e9"},'
        '"valueQuantity":{"value":1.50,"unit":"kg"},'
        '"component":[{"valueQuantity":{"value":1e5,"unit":"g"}},{"valueQuantity":{"value":-0}},'
        '{"valueQuantity":{"value":123456789012345678901234567890}}],"status":"final"}'
    )
    digits = read_json_patch('[{"op":"replace","path":"/valueQuantity/value","value":1.500}]')
    assert '"value":1.500,' in patched(before, digits)


def test_no_value_of_the_resource_stands_in_a_refusal() -> None:
    with pytest.raises(UnprocessableError) as refused:
        applied({"a": "secret"}, {"op": "test", "path": "/a/Jones, Mary", "value": "Mary"})
    assert "Mary" not in refused.value.text
    assert "secret" not in refused.value.text
