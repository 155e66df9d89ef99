"""Strings, numbers and quantities; ``:missing``, words and ``near``."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeGuard

from fhir.registry.search_parameters import search_parameters
from fhir.search import keys
from fhir.search.cover import cover
from fhir.search.criteria import (
    Criterion,
    DateCriterion,
    MissingCriterion,
    NearCriterion,
    Prefix,
    QuantityCriterion,
    QuantityValue,
    Relation,
    StringCriterion,
    TextCriterion,
)
from fhir.search.emitters import LONGEST_STRING
from fhir.search.keys import hashed
from fhir.search.text import normalised, sounds
from hub.records import criteria_dates
from hub.records.content import in_content, included_in_precision
from hub.records.sql import FALSE, TRUE, Sql, all_of, any_of, folded, like

if TYPE_CHECKING:
    from hub.records.criteria import Scope

_LAST_CHARACTER = "\U0010ffff"
_TENTH = Decimal("0.1")

# Strings -----------------------------------------------------------------------------------


def string(scope: "Scope", criterion: StringCriterion) -> Sql:
    if criterion.modifier == "text":
        return any_of(
            in_content(
                scope,
                criterion.parameter,
                f"{folded('v')} LIKE %s",
                (f"{like(normalised(value))}%",),
                texts=True,
            )
            for value in criterion.values
        )
    if criterion.parameter.code == "phonetic":
        return any_of(_sounds(scope, value) for value in criterion.values)
    if comparison := _COMPARISONS.get(criterion.modifier or ""):
        return any_of(
            _rows(scope, criterion.parameter.code, comparison, (normalised(value),))
            for value in criterion.values
        )
    if criterion.modifier == "exact":
        return any_of(_exact(scope, criterion, value) for value in criterion.values)
    return any_of(_matching(scope, criterion, value) for value in criterion.values)


# Of _filter; the normalised values are compared by their code points.
_COMPARISONS = {
    "eq": "@ = %s",
    "ne": "@ <> %s",
    "gt": "@ > %s",
    "lt": "@ < %s",
    "ge": "@ >= %s",
    "le": "@ <= %s",
}


def _sounds(scope: "Scope", value: str) -> Sql:
    found = [hashed(keys.phonetic("phonetic", sound)) for sound in sounds(value)]
    return Sql(f"{scope.alias}.idx @> %s::bigint[]", (found,)) if found else FALSE


def begins(criterion: Criterion) -> TypeGuard[StringCriterion]:
    """Say whether one range of fhir_string answers a criterion: the beginning of one text."""
    return (
        isinstance(criterion, StringCriterion)
        and criterion.modifier is None
        and criterion.parameter.code != "phonetic"
        and len(criterion.values) == 1
        and bool(normalised(criterion.values[0]))
    )


def ranged(scope: "Scope", begun: Sequence[StringCriterion], days: Sequence[DateCriterion]) -> Sql:
    """Say that a record is in several ranges, by the ids that all of them share.

    A nested loop would read the whole second range for each row of the first: the Smiths times
    the Johns of a district, or all Smiths for each who was born on that day. A generic plan
    cannot know that either is common; each range is read once here.
    """
    ranges = [criteria_dates.of_day(scope, each) for each in days]
    ranges += [
        _holding(scope, each.parameter.code, _RANGE, _range(each.values[0])) for each in begun
    ]
    return Sql(
        f"{scope.alias}.id = ANY(ARRAY({' INTERSECT '.join(part.text for part in ranges)}))",
        tuple(p for part in ranges for p in part.params),
    )


_RANGE = "@ >= %s AND @ < %s"


def _range(value: str) -> tuple[str, str]:
    text = normalised(value)[:LONGEST_STRING]
    return text, text + _LAST_CHARACTER


def _rows(scope: "Scope", code: str, condition: str, params: tuple[Any, ...]) -> Sql:
    """Say that a row of fhir_string that holds the parameter meets ``condition``."""
    rows = _holding(scope, code, condition, params)
    return Sql(f"{scope.alias}.id IN ({rows.text})", rows.params)


def _holding(scope: "Scope", code: str, condition: str, params: tuple[Any, ...]) -> Sql:
    """Return the ids whose row of fhir_string for the parameter meets ``condition``."""
    holders = cover(scope.type, code).holders
    row = f"s{next(scope.aliases)}"
    which = "= %s" if len(holders) == 1 else "= ANY(%s::text[])"
    return Sql(
        f"SELECT {row}.id FROM fhir_string {row} WHERE {row}.type = %s"
        f" AND {row}.param {which} AND {condition.replace('@', row + '.value')}",
        (scope.type, holders[0] if len(holders) == 1 else list(holders), *params),
    )


def _matching(scope: "Scope", criterion: StringCriterion, value: str) -> Sql:
    text = normalised(value)[:LONGEST_STRING]
    if not text:
        return FALSE
    code = criterion.parameter.code
    if criterion.modifier not in {"contains", "ew"}:
        return _rows(scope, code, _RANGE, _range(value))
    anywhere = f"%{like(text)}{'%' if criterion.modifier == 'contains' else ''}"
    if not criterion.parameter.types & {"markdown", "string"}:
        return _rows(scope, code, "@ LIKE %s", (anywhere,))
    # A very long text is indexed by its beginning only: for it, look at the whole.
    long = all_of(
        [
            _rows(scope, code, "length(@) = %s", (LONGEST_STRING,)),
            in_content(scope, criterion.parameter, f"{folded('v')} LIKE %s", (anywhere,)),
        ]
    )
    return any_of([_rows(scope, code, "@ LIKE %s", (anywhere,)), long])


def _exact(scope: "Scope", criterion: StringCriterion, value: str) -> Sql:
    """Find candidates by the folded value, then compare case and accents in the text itself."""
    text = normalised(value)[:LONGEST_STRING]
    return all_of(
        [
            _rows(scope, criterion.parameter.code, "@ = %s", (text,)),
            in_content(scope, criterion.parameter, "v = %s", (value,)),
        ]
    )


# Numbers and quantities --------------------------------------------------------------------


def quantity(scope: "Scope", criterion: QuantityCriterion) -> Sql:
    found = [quantity_rows(scope, criterion.parameter.code, value) for value in criterion.values]
    found += [
        included_in_precision(scope, criterion.parameter, value.value)
        for value in criterion.values
        if value.prefix is Relation.INCLUDES
    ]
    return any_of(found)


def quantity_rows(
    scope: "Scope",
    code: str,
    value: QuantityValue,
    companion: tuple[int, ...] = (),
    *,
    exactly: bool = False,
) -> Sql:
    """Say that a row of fhir_quantity that holds the parameter is as asked.

    ``companion`` must be among the keys of its element; ``exactly`` takes the parameter as it is.
    """
    holders = (code,) if exactly else cover(scope.type, code).holders
    row = f"q{next(scope.aliases)}"
    parts = [
        Sql(f"{row}.type = %s", (scope.type,)),
        Sql(f"{row}.param = ANY(%s::text[])", (list(holders),)),
        _number(value, f"{row}.lo", f"{row}.hi"),
        *_unit(value, f"{row}.unit"),
    ]
    if companion:
        parts.append(Sql(f"{row}.companion && %s::bigint[]", (list(companion),)))
    inner = all_of(parts)
    return Sql(
        f"{scope.alias}.id IN (SELECT {row}.id FROM fhir_quantity {row} WHERE {inner.text})",
        inner.params,
    )


def _number(value: QuantityValue, lo: str, hi: str) -> Sql:
    exact = value.value
    match value.prefix:
        case Prefix.NE:
            return Sql(f"({lo} < %s OR {hi} >= %s)", (value.lo, value.hi))
        case Prefix.GT:
            return Sql(f"{hi} > %s", (exact,))
        case Prefix.LT:
            return Sql(f"{lo} < %s", (exact,))
        case Prefix.GE:
            return Sql(f"{hi} >= %s", (exact,))
        case Prefix.LE:
            return Sql(f"{lo} <= %s", (exact,))
        case Prefix.SA:
            return Sql(f"{lo} > %s", (exact,))
        case Prefix.EB:
            return Sql(f"{hi} < %s", (exact,))
        case Prefix.AP:
            slack = abs(exact) * _TENTH
            return Sql(f"{lo} <= %s AND {hi} >= %s", (exact + slack, exact - slack))
        case Relation.INCLUDES:
            return Sql(f"{lo} <= %s AND {hi} >= %s", (exact, exact))
        case _:
            return Sql(f"{lo} >= %s AND {hi} < %s", (value.lo, value.hi))


def _unit(value: QuantityValue, unit: str) -> list[Sql]:
    found = []
    if value.system:
        found.append(Sql(f"split_part({unit}, '|', 1) = %s", (value.system,)))
    if value.code and value.system:
        found.append(Sql(f"split_part({unit}, '|', 2) = %s", (value.code,)))
    elif value.code:
        found.append(
            Sql(
                f"(split_part({unit}, '|', 2) = %s OR split_part({unit}, '|', 3) = %s)",
                (value.code, value.code),
            )
        )
    return found


# Missing, words, near ----------------------------------------------------------------------


def missing(scope: "Scope", criterion: MissingCriterion) -> Sql:
    if criterion.parameter.code in {"_id", "_lastUpdated"}:
        return FALSE if criterion.missing else TRUE
    bit = search_parameters(scope.type)[criterion.parameter.code].bit
    sign = "=" if criterion.missing else "<>"
    return Sql(f"{scope.alias}.present & %s::bigint {sign} 0", (1 << bit,))


def words(scope: "Scope", criterion: TextCriterion) -> Sql:
    """Find every word: in the narrative without its tags, or in any text of the resource."""
    content = f"{scope.alias}.content::jsonb"
    texts = f"{content} #>> '{{text,div}}'"
    if criterion.parameter.code == "_content":
        texts = (
            "(SELECT string_agg(v #>> '{}', ' ')"
            f" FROM jsonb_path_query({content}, '$.** ? (@.type() == \"string\")') v)"
        )
    tags = "'<[^>]*>', ' ', 'g'"
    where = folded(f"regexp_replace({texts}, {tags})")
    return any_of(
        all_of(Sql(f"{where} LIKE %s", (f"%{like(word)}%",)) for word in normalised(value).split())
        for value in criterion.values
    )


def near(scope: "Scope", criterion: NearCriterion) -> Sql:
    """Compare great-circle distances in kilometres."""
    position = f"{scope.alias}.content::jsonb -> 'position'"
    latitude = f"radians(({position} ->> 'latitude')::float8)"
    longitude = f"radians(({position} ->> 'longitude')::float8)"
    return any_of(
        Sql(
            "6371 * 2 * asin(least(1, sqrt("
            f"sin(({latitude} - radians(%s::float8)) / 2) ^ 2"
            f" + cos({latitude}) * cos(radians(%s::float8))"
            f" * sin(({longitude} - radians(%s::float8)) / 2) ^ 2))) <= %s::float8",
            (at, at, along, distance),
        )
        for at, along, distance in criterion.values
    )
