"""Lexical forms of the primitive types: what the grammar makes is taken, one wrong sign is not.

The expressions are those of R4 (https://hl7.org/fhir/R4/datatypes.html#primitive), kept apart
from the hub's own, which are written otherwise.
"""

import json
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir import jsontext
from fhir.outcomes import FHIRError
from fhir.registry import PRIMITIVES
from fhir.validation import validate
from fhir.validation.accept import accepts
from fhir.validation.primitives import CHECKS
from tests.shared_data import data

_YEAR = "([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)"
_MONTH, _DAY = "(0[1-9]|1[0-2])", "(0[1-9]|[1-2][0-9]|3[0-1])"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?"
_ZONE = r"(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"

TEXTS = {
    "base64Binary": r"(\s*([0-9a-zA-Z\+/=]){4}\s*)+",
    "canonical": r"\S*",
    "code": r"[^\s]+(\s[^\s]+)*",
    "date": f"{_YEAR}(-{_MONTH}(-{_DAY})?)?",
    "dateTime": f"{_YEAR}(-{_MONTH}(-{_DAY}(T{_CLOCK}{_ZONE})?)?)?",
    "id": r"[A-Za-z0-9\-\.]{1,64}",
    "instant": f"{_YEAR}-{_MONTH}-{_DAY}T{_CLOCK}{_ZONE}",
    "markdown": r"[ \r\n\t\S]+",
    "oid": r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+",
    "string": r"[ \r\n\t\S]+",
    "time": _CLOCK,
    "uri": r"\S*",
    "url": r"\S*",
    "uuid": "urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
}
"""Types that stand in JSON strings."""

LITERALS = {
    "boolean": "true|false",
    "decimal": r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?",
    "integer": "-?([0]|([1-9][0-9]*))",
    "positiveInt": "[1-9][0-9]*",
    "unsignedInt": "[0]|([1-9][0-9]*)",
}
"""Types that stand in JSON without quotes."""

SIGNS = st.sampled_from("0123456789abcxzAZTW:.-+/=_ \té€\U0001f642urn,;#")
ALPHABET = st.characters(min_codepoint=33, max_codepoint=126, include_characters=" \té€\U0001f642")
SOME = settings(max_examples=50, deadline=None, derandomize=True)


def is_legal(kind: str, text: str) -> bool:
    """Judge a text by R4's expression and what its prose adds."""
    if re.fullmatch(TEXTS[kind], text, re.ASCII) is None or not text:
        return False
    if kind == "base64Binary":
        # RFC 4648: padding at the end only, which the expression does not say.
        try:
            return bool(b64decode("".join(text.split()), validate=True))
        except NotBase64:
            return False
    if kind in {"date", "dateTime", "instant"} and len(text) >= 10:
        try:
            date.fromisoformat(text[:10])
        except ValueError:
            return False
    return True


def legal(kind: str) -> st.SearchStrategy[str]:
    if kind == "base64Binary":
        # The expression lets padding stand anywhere: hardly anything it makes is base64.
        return st.builds(
            lambda content, space: space + b64encode(content).decode() + space,
            st.binary(min_size=1, max_size=40),
            st.sampled_from(["", " ", "\n"]),
        )
    expression = re.compile(TEXTS[kind], re.ASCII)
    made = st.from_regex(expression, fullmatch=True, alphabet=ALPHABET)
    return made.filter(lambda text: is_legal(kind, text))


@pytest.mark.parametrize("kind", TEXTS)
def test_every_text_that_the_grammar_makes_is_taken(kind: str) -> None:
    @SOME
    @given(legal(kind))
    def holds(text: str) -> None:
        assert CHECKS[kind](text)

    holds()


@pytest.mark.parametrize("kind", TEXTS)
def test_one_changed_sign_is_judged_as_the_grammar_judges_it(kind: str) -> None:
    @SOME
    @given(legal(kind), st.data())
    def holds(text: str, chosen: st.DataObject) -> None:
        place = chosen.draw(st.integers(0, len(text)))
        length = chosen.draw(st.integers(0, 1))
        changed = text[:place] + chosen.draw(SIGNS | st.just("")) + text[place + length :]
        assert CHECKS[kind](changed) == is_legal(kind, changed), ascii(changed)

    holds()


def taken(kind: str, literal: str) -> bool:
    """Say whether a JSON text with this literal is read and its value is of the type."""
    try:
        value, _ = jsontext.parse(f'{{"value":{literal}}}')
    except FHIRError:
        return False
    return value.keys() == {"value"} and CHECKS[kind](value["value"])


def _exponent(literal: str) -> int:
    found = re.search(r"[eE][+-]?([0-9]+)", literal)
    return int(found[1]) if found else 0


def is_literal(kind: str, text: str) -> bool:
    # Spaces around a JSON value are nobody's.
    stripped = text.strip(" \t\r\n")
    if re.fullmatch(LITERALS[kind], stripped, re.ASCII) is None:
        return False
    return kind in {"boolean", "decimal"} or -(2**31) <= int(stripped) < 2**31


def literals(kind: str) -> st.SearchStrategy[str]:
    if kind == "boolean":
        return st.sampled_from(["true", "false"])
    if kind != "decimal":
        return st.integers(-(2**33), 2**33).map(str)
    # An exponent that no double can hold is legal JSON, but nothing the hub could compare.
    exponent = st.just("") | st.integers(-30, 30).map("e{}".format) | st.just("E+2")
    fraction = st.just("") | st.from_regex(r"\.[0-9]{1,20}", fullmatch=True)
    return st.builds(
        lambda whole, after, power: f"{whole}{after}{power}",
        st.integers(-(10**20), 10**20),
        fraction,
        exponent,
    )


@pytest.mark.parametrize("kind", LITERALS)
def test_literals_are_judged_as_the_grammar_judges_them(kind: str) -> None:
    @SOME
    @given(literals(kind), st.data())
    def holds(text: str, chosen: st.DataObject) -> None:
        place = chosen.draw(st.integers(0, len(text)))
        length = chosen.draw(st.integers(0, 1))
        changed = text[:place] + chosen.draw(SIGNS | st.just("")) + text[place + length :]
        for literal in (text, changed):
            # A minus zero is no other number than zero.
            if literal.strip() != "-0" and _exponent(literal) < 100:
                assert taken(kind, literal) == is_literal(kind, literal), literal

    holds()


def test_the_expressions_are_those_of_the_official_definitions() -> None:
    entries = json.loads(data("r4-definitions/profiles-types.json").read_bytes())["entry"]
    official = {
        resource["id"]: extension["valueString"]
        for resource in (entry["resource"] for entry in entries)
        if resource.get("kind") == "primitive-type"
        for element in resource["snapshot"]["element"]
        for declared in element.get("type", ())
        for extension in declared.get("extension", ())
        if extension["url"].endswith("/regex")
    }
    assert official == TEXTS | LITERALS
    assert official.keys() == PRIMITIVES - {"xhtml"}


Part = dict[str, Any] | None
EXTENDED = {"extension": [{"url": "http://example.org/e", "valueCode": "x"}]}


def is_aligned(values: list[str | None] | None, shadows: list[Part] | None) -> bool:
    """Judge two arrays of a primitive that repeats: https://hl7.org/fhir/R4/json.html#primitive."""
    if values is None and shadows is None:
        return True
    if [] in (values, shadows):
        return False
    if values is None or shadows is None:
        return None not in (values or shadows or ()) and {"id": "x"} not in (shadows or ())
    return len(values) == len(shadows) and all(
        value is not None or (shadow is not None and shadow != {"id": "x"})
        for value, shadow in zip(values, shadows, strict=True)
    )


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.none() | st.lists(st.sampled_from(["Ada", "Mair", None]), max_size=3),
    st.none() | st.lists(st.sampled_from([None, EXTENDED, {"id": "x"}]), max_size=3),
)
def test_values_and_their_extensions_stand_in_line(
    values: list[str | None] | None, shadows: list[Part] | None
) -> None:
    name: dict[str, Any] = {"family": "Price"}
    name |= {} if values is None else {"given": values}
    name |= {} if shadows is None else {"_given": shadows}
    resource = {"resourceType": "Patient", "name": [name]}

    assert (validate(resource) == []) == is_aligned(values, shadows)
    assert is_aligned(values, shadows) or not accepts(resource)


def test_an_id_beside_a_value_is_an_element_and_alone_is_none() -> None:
    patient = {"resourceType": "Patient", "active": True, "_birthDate": {"id": "b"}}
    assert [issue.expression for issue in validate(patient)] == ["Patient.birthDate"]
    assert validate({**patient, "birthDate": "1951"}) == []
    wrong = {**patient, "birthDate": "1951", "_birthDate": {"id": ""}}
    assert [issue.expression for issue in validate(wrong)] == ["Patient.birthDate.id"]
