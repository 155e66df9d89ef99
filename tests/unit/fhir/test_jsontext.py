"""Reading JSON strictly, exactly, and for no more time and memory than the text is worth."""

import json
import subprocess
import sys
import time
import tracemalloc
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fhir import jsontext
from fhir.outcomes import BadRequestError, FHIRError, UnprocessableError

MB = 1024 * 1024


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   ",
        b"[]",
        b"[{}]",
        b"null",
        b"true",
        b'"text"',
        b"17",
        b"{",
        b"}",
        b'{"a"}',
        b'{"a":}',
        b'{"a":1,}',
        b'{"a":1}{"b":2}',
        b'{"a":1} trailing',
        b'{"a":1}\x00',
        b"{'a':1}",
        b"{a:1}",
        b'{"a":[1,]}',
        b'{"a":[1 2]}',
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":1.}',
        b'{"a":.5}',
        b'{"a":0x1}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e99999999999999999999}',
        b'{"a":' + b"1" * 5000 + b"}",
        b'{"a":"\x01"}',
        b'{"a":"line\nbreak"}',
        b'{"a":"\\x41"}',
        b'{"a":"\\u12"}',
        b'{"a":"unended}',
        b'{"a":1} // comment',
        b'{"a":1, /* comment */ "b":2}',
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":[{"\\u0062":1,"b":2}]}',
        b'{"a":"\xff"}',
        b'{"a":"\xc3"}',
        b'{"a":"\xc0\xaf"}',
        b'{"a":"\xed\xa0\x80"}',
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-32"),
        b'{"a":"\\u0000"}',
        b'{"a":"\\\\\\u0000"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\udc00\\ud800"}',
        b'{"\\ud83d":1}',
        "{\u00a0}".encode(),
    ],
)
def test_what_is_no_json_object_is_400(raw: bytes) -> None:
    with pytest.raises(BadRequestError) as refused:
        jsontext.parse(raw)
    assert refused.value.status == 400
    assert refused.value.issues[0].code in {"structure", "value"}


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"{}", {}),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b' \t\r\n{"a":1}\n', {"a": 1}),
        (b'{"a":"\\u0041\\ud83d\\ude42"}', {"a": "A\U0001f642"}),
        (b'{"a":"\\\\u0000"}', {"a": "\\u0000"}),
        (b'{"a":1.50}', {"a": Decimal("1.50")}),
        (b'{"a":-0.0}', {"a": Decimal("-0.0")}),
        (b'{"a":1e999999}', {"a": Decimal("1e999999")}),
        (b'{"":""}', {"": ""}),
    ],
)
def test_what_is_a_json_object_is_read(raw: bytes, value: object) -> None:
    assert jsontext.parse(raw)[0] == value


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ('{\n  "a" : 1.50 ,\r\n\t"b" : [ 1 , 2 ]\n}', '{"a":1.50,"b":[1,2]}'),
        ('{"a":"one  two\\n\\t\\" three"\n}', '{"a":"one  two\\n\\t\\" three"}'),
        ('{"a":"\\\\"\n,"b":"{ [ }"}', '{"a":"\\\\","b":"{ [ }"}'),
        ('{"a": 1}', '{"a": 1}'),
    ],
)
def test_only_spaces_between_the_parts_go(text: str, stored: str) -> None:
    assert jsontext.parse(text)[1] == stored
    assert json.loads(stored) == json.loads(text)


def nested(depth: int) -> bytes:
    half = depth // 2
    return b'{"a":[' * half + b"1" + b"]}" * half


def test_nesting_ends_at_its_limit_whatever_stands_in_strings() -> None:
    jsontext.parse(nested(jsontext.MAX_DEPTH))
    with pytest.raises(UnprocessableError) as refused:
        jsontext.parse(nested(jsontext.MAX_DEPTH + 2))
    assert (refused.value.status, refused.value.issues[0].code) == (422, "too-costly")
    jsontext.parse(json.dumps({"a": "[" * 1000, "b": ["{" * 1000, '\\"[[[[' * 100]}))


_JSON = st.recursive(
    st.text(alphabet='[]{}"\\\n/,:\u00e9', max_size=6) | st.integers() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(alphabet='[]{}"\\a', max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


def _depth(value: Any) -> int:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(_depth, inner), default=0)
    return 0


@given(value=_JSON, spaces=st.sampled_from([None, 1]))
@example(value="[", spaces=None)
@example(value=['"[', "]"], spaces=None)
def test_the_depth_is_that_of_the_values_whatever_stands_in_strings(
    value: Any, spaces: int | None
) -> None:
    data = json.dumps(value, indent=spaces).encode()
    for limit in range(6):
        assert jsontext.deeper_than(data, limit) == (_depth(value) > limit)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"a":[', b'[{"a":'])
@pytest.mark.parametrize("depth", [1_000, 100_000, 2_000_000])
def test_a_tower_of_brackets_is_refused_at_once(opening: bytes, depth: int) -> None:
    began = time.process_time()
    with pytest.raises(FHIRError) as refused:
        jsontext.parse(opening * depth)
    assert refused.value.status in {400, 422}
    assert time.process_time() - began < 2


def test_a_body_of_very_many_values_is_refused_before_it_is_built() -> None:
    for item in (b"0", b"{}", b"[]", b'""'):
        raw = b'{"a":[' + b",".join([item] * jsontext.MAX_PARTS) + b",0]}"
        tracemalloc.start()
        with pytest.raises(UnprocessableError) as refused:
            jsontext.parse(raw)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert refused.value.issues[0].code == "too-costly"
        assert peak < 2 * len(raw) + MB


HUNGRY = {
    "base64": '{"a":\n"' + "QUJD" * 4_000_000 + '"}',
    "escapes": '{"a":\n"' + "\\n" * 8_000_000 + '"}',
    "unicode": '{"a":\n"' + "\\u00e9" * 2_500_000 + '"}',
    "quotes": '{"a":\n"' + '\\"' * 8_000_000 + '"}',
    "brackets": '{"a":\n"' + "[{" * 600_000 + '"}',
    "spaces": "{" + "\n" * 16_000_000 + "}",
    "digits": '{"a":1.' + "1" * 16_000_000 + "}",
    "members": "{" + ",\n".join(f'"{n}":[{{}}]' for n in range(400_000)) + "}",
}
"""Bodies that are as long as they may be and that each make another part of the reader work."""

MEASURE = """
import resource, sys
from fhir import jsontext
raw = open(sys.argv[1], 'rb').read()
before = resource.getrusage(resource.RUSAGE_SELF)
jsontext.parse(raw)
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_maxrss - before.ru_maxrss, after.ru_utime + after.ru_stime - before.ru_utime)
"""


@pytest.mark.parametrize("kind", HUNGRY)
def test_a_long_body_costs_a_bounded_multiple_of_its_length(
    kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # In a process of its own: the engine of regular expressions is outside of tracemalloc.
    body = tmp_path_factory.mktemp("body") / "body.json"
    body.write_text(HUNGRY[kind], "utf-8")
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, str(body)], capture_output=True, text=True, check=True
    )
    kilobytes, seconds = (float(part) for part in measured.stdout.split())
    unit = 1 if sys.platform == "darwin" else 1024
    assert kilobytes * unit < 16 * len(HUNGRY[kind]) + 32 * MB, kind
    assert seconds < 20, kind
