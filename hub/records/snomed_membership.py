"""Whether given SNOMED CT concepts meet a filter: asked upwards from the concepts.

For a few concepts this takes milliseconds, however many a filter or expression means;
``snomed_sets`` lists all that it means.
"""

from collections.abc import Sequence

from fhir.terminology import Filter, ecl
from fhir.terminology.ecl import Combined, Expression, Focus, Members, Reach, Reached, SetOperator
from fhir.terminology.filters import unknown_code
from hub.records import snomed_sets
from hub.records.snomed_sets import SNOMED
from hub.records.sql import Sql, all_of

FEW = 100
"""Concepts for which a walk each costs less than listing the whole set."""


def held(release: int, codes: Sequence[int], filters: Sequence[Filter]) -> Sql:
    """Return the statement for those of ``codes`` that meet every filter.

    Place in the hierarchy is asked upwards from the codes: few steps, however wide the filter.
    """
    few = len(codes) <= FEW
    conditions = [
        Sql("c.release = %s AND c.id = ANY(%s::bigint[])", (release, list(codes))),
        snomed_sets.in_use(filters),
    ]
    for each in filters:
        if each.property in {"concept", "code"} and each.op in {"is-a", "descendent-of"}:
            conditions.append(_all_below(release, each, codes))
        elif each.property in {"constraint", "expression"} and each.op == "=" and few:
            conditions.append(meets(release, ecl.parse(each.value)))
        else:
            conditions.append(snomed_sets.of_filter(release, each))
    where = all_of(conditions)
    return Sql(f"SELECT c.id FROM snomed_concept c WHERE {where.text}", where.params)


def meets(release: int, expression: Expression) -> Sql:
    """Return the condition on the row ``c`` of ``snomed_concept``."""
    match expression:
        case Focus(concept=None):
            return Sql("c.active")
        case Focus(concept=concept):
            assert concept is not None
            return Sql("(c.active AND c.id = %s)", (int(concept),))
        case Members(of=of):
            named = snomed_sets.of_expression(release, of)
            return Sql(
                "(c.active AND EXISTS (SELECT 1 FROM snomed_member m WHERE m.release = %s"
                f" AND m.concept_id = c.id AND m.refset_id IN ({named.text})))",
                (release, *named.params),
            )
        case Reached(reach=Reach.DESCENDANTS | Reach.DESCENDANTS_OR_SELF as reach, of=of):
            below = _below(release, snomed_sets.of_expression(release, of))
            if reach is Reach.DESCENDANTS:
                return below
            itself = meets(release, of)
            return Sql(f"({itself.text} OR {below.text})", (*itself.params, *below.params))
        case Reached():
            found = snomed_sets.of_expression(release, expression)
            return Sql(f"c.id IN ({found.text})", found.params)
        case Combined(operator=operator, parts=parts):
            pieces = [meets(release, part) for part in parts]
            word = {
                SetOperator.AND: " AND ",
                SetOperator.OR: " OR ",
                SetOperator.MINUS: " AND NOT ",
            }[operator]
            text = word.join(piece.text for piece in pieces)
            return Sql(f"({text})", tuple(param for piece in pieces for param in piece.params))


def _below(release: int, roots: Sql) -> Sql:
    """Say that something above ``c`` is one of the roots."""
    return Sql(
        "EXISTS (WITH RECURSIVE up(id) AS ("
        "SELECT p.parent_id FROM snomed_parent p WHERE p.release = %s AND p.concept_id = c.id"
        " UNION SELECT p.parent_id FROM up"
        " JOIN snomed_parent p ON p.release = %s AND p.concept_id = up.id"
        f") SELECT 1 FROM up WHERE up.id IN ({roots.text}))",
        (release, release, *roots.params),
    )


def _all_below(release: int, wanted: Filter, codes: Sequence[int]) -> Sql:
    """Say that a concept is below the root, for many concepts in one walk."""
    root = snomed_sets.known(wanted.value)
    if root is None:
        raise unknown_code(SNOMED, wanted.value)
    walk = Sql(
        "c.id IN (WITH RECURSIVE up(start, id) AS ("
        "SELECT p.concept_id, p.parent_id FROM snomed_parent p"
        " WHERE p.release = %s AND p.concept_id = ANY(%s::bigint[])"
        " UNION SELECT up.start, p.parent_id FROM up"
        " JOIN snomed_parent p ON p.release = %s AND p.concept_id = up.id"
        ") SELECT start FROM up WHERE id = %s)",
        (release, list(codes), release, root),
    )
    if wanted.op == "descendent-of":
        return walk
    return Sql(f"(c.id = %s OR {walk.text})", (root, *walk.params))
