"""Query strings: what is understood, and how what is not is named."""

from decimal import Decimal

import pytest

from fhir.outcomes import BadRequestError
from fhir.search.criteria import (
    ChainCriterion,
    CompositeCriterion,
    DateCriterion,
    HasCriterion,
    MissingCriterion,
    Prefix,
    QuantityCriterion,
    ReferenceCriterion,
    TokenCriterion,
    TokenValue,
)
from fhir.search.query import LARGEST_COUNT, parse


def test_a_worklist_search_is_read_whole() -> None:
    query = parse(
        "Task",
        [
            ("owner", "Practitioner/jo"),
            ("status", "requested,accepted"),
            ("_sort", "-authored-on,status"),
            ("_count", "50"),
            ("_include", "Task:patient"),
        ],
    )
    owner, status = query.criteria

    assert isinstance(owner, ReferenceCriterion)
    assert owner.values == ("Practitioner/jo",)
    assert isinstance(status, TokenCriterion)
    assert status.values == (TokenValue(None, "requested"), TokenValue(None, "accepted"))
    assert [(k.parameter.code, k.descending) for k in query.sort] == [
        ("authored-on", True),
        ("status", False),
    ]
    assert query.count == 50
    assert query.includes[0].parameter is not None
    assert query.includes[0].parameter.code == "patient"


@pytest.mark.parametrize(
    ("text", "system", "code"),
    [
        ("a", None, "a"),
        ("s|a", "s", "a"),
        ("|a", "", "a"),
        ("s|", "s", None),
        (r"s|a\|b\,c", "s", "a|b,c"),
    ],
)
def test_tokens(text: str, system: str | None, code: str | None) -> None:
    criterion = parse("Patient", [("identifier", text)]).criteria[0]

    assert isinstance(criterion, TokenCriterion)
    assert criterion.values == (TokenValue(system, code),)


@pytest.mark.parametrize("prefix", list(Prefix))
def test_every_prefix_of_a_date(prefix: Prefix) -> None:
    criterion = parse("Patient", [("birthdate", f"{prefix}1950-03")]).criteria[0]

    assert isinstance(criterion, DateCriterion)
    assert criterion.values[0].prefix is prefix


def test_a_number_keeps_the_precision_it_is_written_in() -> None:
    criterion = parse("Observation", [("value-quantity", "gt5.40|http://unitsofmeasure.org|mg")])
    value = criterion.criteria[0]

    assert isinstance(value, QuantityCriterion)
    assert value.values[0].lo == Decimal("5.395")
    assert value.values[0].hi == Decimal("5.405")
    assert value.values[0].code == "mg"


def test_chains_go_through_the_types_that_have_the_parameter() -> None:
    chain = parse("Task", [("patient.general-practitioner.name", "x")]).criteria[0]

    assert isinstance(chain, ChainCriterion)
    ((target, inner),) = chain.inner
    assert target == "Patient"
    assert isinstance(inner, ChainCriterion)
    assert {kind for kind, _ in inner.inner} == {"Practitioner", "Organization"}


def test_reverse_chains_nest() -> None:
    has = parse("Patient", [("_has:Task:patient:_has:Provenance:target:recorded", "2026")])
    outer = has.criteria[0]

    assert isinstance(outer, HasCriterion)
    assert isinstance(outer.inner, HasCriterion)
    assert outer.inner.type == "Provenance"


def test_a_composite_is_a_pair() -> None:
    criterion = parse("Observation", [("code-value-quantity", "loinc|8480-6$gt140")]).criteria[0]

    assert isinstance(criterion, CompositeCriterion)
    first, second = criterion.values[0]
    assert isinstance(first, TokenCriterion)
    assert isinstance(second, QuantityCriterion)


def test_missing_is_true_or_false() -> None:
    criterion = parse("Task", [("owner:missing", "true")]).criteria[0]

    assert isinstance(criterion, MissingCriterion)
    assert criterion.missing


def test_a_page_is_never_larger_than_the_cap() -> None:
    assert parse("Task", [("_count", "1000000")]).count == LARGEST_COUNT


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("colour", "red", "owner"),
        ("status:exact", "x", "not"),
        ("owner:Medication", "1", "Practitioner"),
        ("authored-on", "zz2020", "eq, ne"),
        ("authored-on", "yesterday", "YYYY-MM-DD"),
        ("owner.colour", "red", "Practitioner"),
        ("_sort", "colour", "authored-on"),
        ("_include", "Task:colour", "owner"),
        ("_include", "Patient:link", "iterate"),
        ("_revinclude", "Colour:task", "Patient"),
        ("_summary", "perhaps", "count"),
        ("_count", "-1", "whole number"),
        ("status", "", "empty"),
        ("status", "a,,b", "empty"),
        ("identifier", "|", "system|code"),
        ("owner:missing", "maybe", "true or false"),
        ("_has:Task:owner", "x", "_has:Type:reference:parameter"),
        ("a.b.c.d.e.f", "x", "no search parameter"),
    ],
)
def test_what_is_not_valid_is_named_with_what_is(name: str, value: str, said: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        parse("Task", [(name, value)])

    assert said in refused.value.text
    assert name in refused.value.text


def test_a_chain_has_an_end() -> None:
    with pytest.raises(BadRequestError, match="at most"):
        parse("Encounter", [("part-of.part-of.part-of.part-of.part-of.part-of.status", "x")])


def test_lenient_leaves_out_what_is_unknown_and_says_so() -> None:
    query = parse("Task", [("colour", "red"), ("status", "ready")], lenient=True)

    assert query.used == (("status", "ready"),)
    assert len(query.criteria) == 1


def test_lenient_does_not_forgive_a_wrong_value() -> None:
    with pytest.raises(BadRequestError):
        parse("Task", [("authored-on", "yesterday")], lenient=True)
