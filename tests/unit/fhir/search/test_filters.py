"""The grammar of _filter, and what its comparisons mean for a type."""

from collections.abc import Callable

import pytest

from fhir.outcomes import BadRequestError
from fhir.search import filter_grammar
from fhir.search.criteria import (
    AllCriterion,
    AnyCriterion,
    ChainCriterion,
    CompositeCriterion,
    Criterion,
    DateCriterion,
    MissingCriterion,
    NotCriterion,
    Prefix,
    Relation,
    StringCriterion,
    TokenCriterion,
    TokenValue,
)
from fhir.search.filters import criterion


def _spelt(node: filter_grammar.Node) -> str:
    """Write a tree with all its parentheses."""
    match node:
        case filter_grammar.Both():
            return f"({_spelt(node.left)} {node.word} {_spelt(node.right)})"
        case filter_grammar.Negation():
            return f"not {_spelt(node.inner)}"
        case filter_grammar.Comparison():
            steps = [
                step.name + (f"[{_spelt(step.filter)}]" if step.filter else "")
                for step in node.path
            ]
            return f"{'.'.join(steps)} {node.operator} {node.value}"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("name co pet", "name co pet"),
        ('name co "a \\"b\\") c"', 'name co a "b") c'),
        ("a eq 1 or b eq 2 and c eq 3", "((a eq 1 or b eq 2) and c eq 3)"),
        ("a eq 1 or (b eq 2 and c eq 3)", "(a eq 1 or (b eq 2 and c eq 3))"),
        ("not(a eq 1) and b eq 2", "(not a eq 1 and b eq 2)"),
        ("not (not (a eq 1))", "not not a eq 1"),
        ("a[b eq c].d.e-f re X/1", "a[b eq c].d.e-f re X/1"),
        ("a[b eq c or not (d pr true)].e eq 1", "a[(b eq c or not d pr true)].e eq 1"),
        ("  ( a  eq  x|y )  ", "a eq x|y"),
        ("not eq 1", "not eq 1"),
    ],
)
def test_a_filter_is_read_from_left_to_right(text: str, tree: str) -> None:
    assert _spelt(filter_grammar.read(text)) == tree


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name eq",
        "name is x",
        "name eq x y",
        "(name eq x",
        "name eq x)",
        "not name eq x",
        "a[b eq c] eq d",
        "a[b eq c.d eq e",
        'name eq "x',
        'name eq ""',
        "and",
        "a eq 1 xor b eq 2",
        "1a eq 2",
    ],
)
def test_what_is_no_filter_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(BadRequestError, match=r"_filter: expected .* at character"):
        filter_grammar.read(text)


@pytest.mark.parametrize(
    "text", ["(" * 50 + "a eq 1" + ")" * 50, " and ".join(["a eq 1"] * 200), "not (" * 10_000]
)
def test_a_filter_has_its_limits(text: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        filter_grammar.read(text)

    assert caught.value.issues[0].code == "too-costly"


def _token(found: Criterion) -> object:
    assert isinstance(found, TokenCriterion)
    return found.values[0], found.modifier


def _string(found: Criterion) -> object:
    assert isinstance(found, StringCriterion)
    return found.values, found.modifier


def _sign(found: Criterion) -> object:
    assert isinstance(found, DateCriterion)
    return found.values[0].prefix


@pytest.mark.parametrize(
    ("kind", "text", "read", "meaning"),
    [
        ("Patient", "name co pet", _string, (("pet",), "contains")),
        ("Patient", 'family sw "a,b"', _string, (("a,b",), None)),
        ("Patient", "family eq x", _string, (("x",), "eq")),
        ("Patient", "birthdate ge 2014-10-10", _sign, Prefix.GE),
        ("Patient", "birthdate po 2014", _sign, Relation.OVERLAPS),
        (
            "Observation",
            "code eq loinc|1234-5",
            _token,
            (TokenValue("http://loinc.org", "1234-5"), None),
        ),
        ("Observation", "code ne 1", _token, (TokenValue(None, "1"), "ne")),
    ],
)
def test_a_comparison_means_what_the_table_of_operators_says(
    kind: str, text: str, read: Callable[[Criterion], object], meaning: object
) -> None:
    assert read(criterion(kind, text)) == meaning


def test_brackets_and_points_speak_of_what_a_reference_points_to() -> None:
    found = criterion("Observation", "subject[gender eq female].name co pet")

    assert isinstance(found, ChainCriterion)
    assert [target for target, _ in found.inner] == ["Patient"]
    assert isinstance(found.inner[0][1], AllCriterion)


def test_words_make_criteria_of_all_any_and_none() -> None:
    found = criterion("Patient", "not (gender pr true or name sw x) and _id ne p1")

    assert isinstance(found, AllCriterion)
    negation, other = found.inner
    assert isinstance(negation, NotCriterion)
    assert isinstance(negation.inner, AnyCriterion)
    assert isinstance(negation.inner.inner[0], MissingCriterion)
    assert isinstance(other, NotCriterion)


def test_the_additional_names_ask_the_composites_of_the_type() -> None:
    found = criterion(
        "DocumentReference", "relatesTo[code eq appends].target re DocumentReference/1"
    )

    assert isinstance(found, CompositeCriterion)
    with pytest.raises(BadRequestError, match="is asked as"):
        criterion("DocumentReference", "relatesTo.target re DocumentReference/1")


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("Patient", "gender co f", "token, which has the operators eq, ne"),
        ("Patient", "organization eq Organization/1", "reference, which has the operators re, pr"),
        ("Patient", "shoe-size eq 1", "no search parameter shoe-size"),
        ("Patient", "name[use eq x].family eq y", "name is no reference"),
        ("Patient", "birthdate ge ge2014", "has no prefix"),
        ("Patient", "birthdate ge soon", "prefix|date"),
        ("Patient", "gender pr perhaps", "true or false"),
        ("Observation", "code-value-quantity eq a$1", "which filters do not compare"),
    ],
)
def test_a_comparison_that_a_parameter_does_not_have_is_refused(
    kind: str, text: str, said: str
) -> None:
    with pytest.raises(BadRequestError, match=said):
        criterion(kind, text)
