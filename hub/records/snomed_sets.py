"""Sets of SNOMED CT concepts as SQL: filters of value sets and expression constraints.

Every piece is a SELECT of one column ``id``; hierarchies are walked by recursion over
``snomed_parent``, whose two indexes serve both directions.
"""

from collections.abc import Sequence

from fhir.outcomes import UnprocessableError
from fhir.terminology import Filter, ecl
from fhir.terminology.ecl import Combined, Expression, Focus, Members, Reach, Reached, SetOperator
from fhir.terminology.filters import unknown_code, unsupported
from fhir.terminology.sctid import is_valid
from fhir.terminology.wording import words
from hub.records.sql import Sql, all_of

SNOMED = "http://snomed.info/sct"

_REACHES = {
    "is-a": Reach.DESCENDANTS_OR_SELF,
    "descendent-of": Reach.DESCENDANTS,
    "generalizes": Reach.ANCESTORS_OR_SELF,
}
_DOWN = frozenset({Reach.DESCENDANTS, Reach.DESCENDANTS_OR_SELF, Reach.CHILDREN})
_WITH_SELF = frozenset({Reach.DESCENDANTS_OR_SELF, Reach.ANCESTORS_OR_SELF})
_JOINS = {
    SetOperator.AND: " INTERSECT ",
    SetOperator.OR: " UNION ",
    SetOperator.MINUS: " EXCEPT ",
}


def known(code: str) -> int | None:
    """Return a concept id as its number; None: it cannot be one."""
    return int(code) if is_valid(code) else None


def everything(release: int) -> Sql:
    return Sql("SELECT id FROM snomed_concept WHERE release = %s AND active", (release,))


def reached(release: int, reach: Reach, start: Sql) -> Sql:
    """Return what is below or above the concepts of ``start``."""
    near, far = ("concept_id", "parent_id") if reach in _DOWN else ("parent_id", "concept_id")
    step = f"SELECT p.{near} FROM snomed_parent p JOIN {{0}} s ON p.release = %s AND p.{far} = s.id"
    if reach in {Reach.CHILDREN, Reach.PARENTS}:
        text = step.format(f"({start.text})").replace(f"p.{near}", f"p.{near} AS id", 1)
        return Sql(text, (*start.params, release))
    one_step = step.format(f"({start.text})")
    # UNION, not UNION ALL: a concept with several ways up is walked from once.
    walk = (
        f"WITH RECURSIVE walk(id) AS ({one_step} UNION {step.format('walk')}) SELECT id FROM walk"
    )
    found = Sql(walk, (*start.params, release, release))
    if reach in _WITH_SELF:
        return Sql(f"({start.text}) UNION ({found.text})", (*start.params, *found.params))
    return found


def of_expression(release: int, expression: Expression) -> Sql:
    """Return the active concepts that an expression constraint means."""
    match expression:
        case Focus(concept=None):
            return everything(release)
        case Focus(concept=concept):
            assert concept is not None
            return Sql(
                "SELECT id FROM snomed_concept WHERE release = %s AND id = %s AND active",
                (release, int(concept)),
            )
        case Members(of=of):
            inner = of_expression(release, of)
            return Sql(
                "SELECT m.concept_id AS id FROM snomed_member m"
                f" JOIN ({inner.text}) r ON m.release = %s AND m.refset_id = r.id"
                " JOIN snomed_concept c ON c.release = m.release AND c.id = m.concept_id"
                " AND c.active",
                (*inner.params, release),
            )
        case Reached(reach=reach, of=of):
            return reached(release, reach, of_expression(release, of))
        case Combined(operator=operator, parts=parts):
            pieces = [of_expression(release, part) for part in parts]
            text = _JOINS[operator].join(f"(SELECT id FROM ({p.text}) s)" for p in pieces)
            return Sql(text, tuple(param for piece in pieces for param in piece.params))


def of_filter(release: int, wanted: Filter) -> Sql:
    """Return a condition on the row ``c`` of ``snomed_concept``.

    The properties are those of https://hl7.org/fhir/R4/snomedct.html#props.
    """
    inside = _set_of(release, wanted)
    if inside is not None:
        negated = "NOT " if wanted.op in {"is-not-a", "not-in"} else ""
        return Sql(f"c.id {negated}IN ({inside.text})", inside.params)
    match wanted.property, wanted.op, wanted.value:
        case "expressions", "=", "false":
            return Sql("TRUE")
        case "inactive", "=", "true" | "false":
            return Sql(f"{'NOT ' if wanted.value == 'true' else ''}c.active")
        case "sufficientlyDefined", "=", "true" | "false":
            return Sql(f"{'' if wanted.value == 'true' else 'NOT '}c.defined")
        case "moduleId", "=" | "in", _:
            return Sql("c.module = ANY(%s::bigint[])", (_ids(wanted),))
        case _:
            raise unsupported(SNOMED, wanted)


def _set_of(release: int, wanted: Filter) -> Sql | None:
    match wanted.property, wanted.op:
        case "constraint" | "expression", "=":
            return of_expression(release, ecl.parse(wanted.value))
        case "concept" | "code", "=":
            return Sql("SELECT unnest(%s::bigint[]) AS id", (_ids(wanted),))
        case "concept" | "code", "in" | "not-in":
            # R4, "Using SNOMED CT with FHIR": concept in [reference set].
            return Sql(
                "SELECT concept_id AS id FROM snomed_member"
                " WHERE release = %s AND refset_id = ANY(%s::bigint[])",
                (release, _ids(wanted)),
            )
        case "concept" | "code", "is-a" | "is-not-a" | "descendent-of" | "generalizes":
            start = _itself(release, wanted)
            reach = _REACHES.get(wanted.op, Reach.DESCENDANTS_OR_SELF)
            return reached(release, reach, start)
        case "parent", "=":
            return reached(release, Reach.CHILDREN, _itself(release, wanted))
        case "child", "=":
            return reached(release, Reach.PARENTS, _itself(release, wanted))
        case _:
            return None


def _itself(release: int, wanted: Filter) -> Sql:
    number = known(wanted.value)
    if number is None:
        raise unknown_code(SNOMED, wanted.value)
    return Sql("SELECT id FROM snomed_concept WHERE release = %s AND id = %s", (release, number))


def _ids(wanted: Filter) -> list[int]:
    values = wanted.listed()
    found = [number for value in values if (number := known(value)) is not None]
    if len(found) < len(values):
        raise UnprocessableError(
            f"the filter {wanted.property} {wanted.op} names what is no SNOMED CT concept id",
            code="code-invalid",
        )
    return found


def called(release: int, text: str) -> Sql:
    """Return a condition on ``c``: its id, or the beginnings of the words of one of its terms."""
    by_id = Sql("c.id = %s", (number,)) if (number := known(text.strip())) else Sql("FALSE")
    asked = words(text)
    if not asked:
        return by_id
    query = " & ".join(f"{word}:*" for word in asked)
    return Sql(
        f"({by_id.text} OR c.id IN (SELECT d.concept_id FROM snomed_description d WHERE"
        " to_tsvector('simple'::regconfig, d.term) @@ to_tsquery('simple'::regconfig, %s)"
        " AND d.release = %s))",
        (*by_id.params, query, release),
    )


def selected(release: int, filters: Sequence[Filter], text: str | None, limit: int) -> Sql:
    """Return the statement for the concepts that meet everything, at most ``limit`` of them."""
    conditions = [Sql("c.release = %s", (release,))]
    conditions += [in_use(filters), *(of_filter(release, each) for each in filters)]
    if text:
        conditions.append(called(release, text))
    where = all_of(conditions)
    return Sql(
        f"SELECT c.id FROM snomed_concept c WHERE {where.text} ORDER BY c.id LIMIT {limit}",
        where.params,
    )


def in_use(filters: Sequence[Filter]) -> Sql:
    """Return the condition that leaves out inactive concepts, unless a filter speaks of them."""
    return Sql("TRUE" if any(each.property == "inactive" for each in filters) else "c.active")


def subtree(release: int, filters: Sequence[Filter], limit: int) -> Sql | None:
    """Return the statement for some ``limit`` concepts of a subtree, where the filters mean one.

    The walk ends there: to find a set too large must not cost what the set would.
    """
    if len(filters) != 1 or (root := _root(filters[0])) is None:
        return None
    start = Sql("SELECT %s::bigint AS id", (root,))
    walk = reached(release, Reach.DESCENDANTS, start)
    return Sql(f"{walk.text} LIMIT {limit}", walk.params)


def _root(wanted: Filter) -> int | None:
    """Return the concept whose subtree a filter means, if it means one."""
    if (wanted.property, wanted.op) in {("concept", "is-a"), ("concept", "descendent-of")}:
        return known(wanted.value)
    if (wanted.property, wanted.op) in {("constraint", "="), ("expression", "=")}:
        match ecl.parse(wanted.value):
            case Reached(
                reach=Reach.DESCENDANTS | Reach.DESCENDANTS_OR_SELF, of=Focus(concept=str(concept))
            ):
                return int(concept)
    return None
