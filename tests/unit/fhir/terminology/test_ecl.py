"""The part of the expression constraint language that is known, and what is refused."""

import pytest

from fhir.outcomes import UnprocessableError
from fhir.terminology.ecl import (
    Combined,
    Expression,
    Focus,
    Members,
    Reach,
    Reached,
    SetOperator,
    parse,
)

A, B = Focus("138875005"), Focus("116680003")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("138875005", A),
        ("  138875005 |Root (thing)|  ", A),
        ("*", Focus(None)),
        ("<138875005", Reached(Reach.DESCENDANTS, A)),
        ("<< 138875005", Reached(Reach.DESCENDANTS_OR_SELF, A)),
        ("<!138875005", Reached(Reach.CHILDREN, A)),
        (">138875005", Reached(Reach.ANCESTORS, A)),
        (">> 138875005", Reached(Reach.ANCESTORS_OR_SELF, A)),
        (">! 138875005", Reached(Reach.PARENTS, A)),
        ("^ 138875005", Members(A)),
        ("< ^138875005", Reached(Reach.DESCENDANTS, Members(A))),
        ("^ (138875005 OR 116680003)", Members(Combined(SetOperator.OR, (A, B)))),
        ("138875005 and 116680003", Combined(SetOperator.AND, (A, B))),
        ("138875005, 116680003, *", Combined(SetOperator.AND, (A, B, Focus(None)))),
        ("138875005 MINUS 116680003", Combined(SetOperator.MINUS, (A, B))),
        (
            "138875005 OR (116680003 MINUS *)",
            Combined(SetOperator.OR, (A, Combined(SetOperator.MINUS, (B, Focus(None))))),
        ),
        ("/* why */ 138875005 /* not */", A),
    ],
)
def test_expressions_are_read(text: str, expected: Expression) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at character 1: it ends"),
        ("< ", "at character 2: it ends"),
        ("<", "at character 2: it ends"),
        ("138875004", "at character 1: 138875004"),
        ("(138875005", "it ends"),
        ("138875005)", "at character 10: )"),
        ("138875005 116680003", "at character 11: 116680003"),
        ("138875005 AND 116680003 OR *", "brackets say what belongs together"),
        ("138875005 MINUS 116680003 MINUS *", "brackets say what belongs together"),
        ("< 138875005 : 116680003 = *", "at character 12: : 1166800"),
        ("138875005 |never closed", "|never"),
        ("<<< 138875005", "at character 3: <"),
        ("^^ 138875005", "at character 2: ^"),
        ("(" * 30 + "*" + ")" * 30, "nested more than 20 deep"),
        ("*" * 5_000, "at most 4000 characters"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(UnprocessableError) as refused:
        parse(text)
    assert words in refused.value.text
