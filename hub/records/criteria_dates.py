"""Dates: a search value and a record's date are both ranges (R4 search.html#date)."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeGuard

from fhir.search.criteria import Criterion, DateCriterion, DateValue, Prefix, Relation
from hub import clock
from hub.records.row import BEGINNING, END
from hub.records.sql import Sql, any_of
from hub.records.tables import date_columns

if TYPE_CHECKING:
    from hub.records.criteria import Scope

_DATE = frozenset({"date"})
_DAY = timedelta(days=1)


def date(scope: "Scope", criterion: DateCriterion) -> Sql:
    code = criterion.parameter.code
    if code == "_lastUpdated":
        column = f"{scope.alias}.last_updated"
        # An instant is a range that begins and ends with itself.
        return any_of(
            _compared(value, column, f"{column} + interval '1 microsecond'")
            for value in criterion.values
        )
    stem = date_columns(scope.type).get(code)
    if stem:
        lo, hi = f"{scope.alias}.{stem}_lo", f"{scope.alias}.{stem}_hi"
        whole_days = criterion.parameter.types == _DATE
        return any_of(
            _same_day(value, lo, hi) if whole_days and _is_day(value) else _compared(value, lo, hi)
            for value in criterion.values
        )
    row = f"d{next(scope.aliases)}"
    inner = any_of(_compared(value, f"{row}.lo", f"{row}.hi") for value in criterion.values)
    return Sql(
        f"{scope.alias}.id IN (SELECT {row}.id FROM fhir_date {row} WHERE {row}.type = %s"
        f" AND {row}.param = %s AND ({inner.text}))",
        (scope.type, code, *inner.params),
    )


def is_one_day(criterion: Criterion, scope: "Scope") -> TypeGuard[DateCriterion]:
    """Say whether a criterion asks for one day of a date that has its columns."""
    return (
        isinstance(criterion, DateCriterion)
        and criterion.parameter.types == _DATE
        and criterion.parameter.code in date_columns(scope.type)
        and len(criterion.values) == 1
        and _is_day(criterion.values[0])
    )


def of_day(scope: "Scope", criterion: DateCriterion) -> Sql:
    """Return the ids of the records of that day."""
    inner = scope.inner(scope.type)
    day = date(inner, criterion)
    return Sql(
        f"SELECT {inner.alias}.id FROM {inner.table} {inner.alias} WHERE {day.text}", day.params
    )


def _is_day(value: DateValue) -> bool:
    """Say whether a day is asked for, which is the finest that a ``date`` can say."""
    return (
        value.prefix is Prefix.EQ
        and value.lo is not None
        and value.hi is not None
        and value.hi - value.lo == _DAY
    )


def _same_day(value: DateValue, lo: str, hi: str) -> Sql:
    """Nothing lies within a day but the day itself: the planner knows how rare that is."""
    return Sql(f"{lo} = %s AND {hi} = %s", (value.lo, value.hi))


def _compared(value: DateValue, lo: str, hi: str) -> Sql:
    """Compare two half-open ranges as https://hl7.org/fhir/R4/search.html#prefix says."""
    low, high = value.lo or BEGINNING, value.hi or END
    match value.prefix:
        case Prefix.EQ:
            # "lo < high" follows from the rest; it tells the planner that the range is narrow.
            return Sql(f"{lo} >= %s AND {lo} < %s AND {hi} <= %s", (low, high, high))
        case Prefix.NE:
            return Sql(f"({lo} < %s OR {hi} > %s)", (low, high))
        case Prefix.GT:
            return Sql(f"{hi} > %s", (high,))
        case Prefix.LT:
            return Sql(f"{lo} < %s", (low,))
        case Prefix.GE:
            return Sql(f"({lo} >= %s OR {hi} > %s)", (low, high))
        case Prefix.LE:
            return Sql(f"({lo} < %s OR {hi} <= %s)", (low, high))
        case Prefix.SA:
            return Sql(f"{lo} >= %s", (high,))
        case Prefix.EB:
            return Sql(f"{hi} <= %s", (low,))
        case Prefix.AP:
            slack = _slack(low, high)
            return Sql(f"{lo} < %s AND {hi} > %s", (_moved(high, slack), _moved(low, -slack)))
        case Relation.OVERLAPS:
            return Sql(f"{lo} < %s AND {hi} > %s", (high, low))
        case Relation.INCLUDES:
            return Sql(f"{lo} <= %s AND {hi} >= %s", (low, high))


def _slack(low: datetime, high: datetime) -> timedelta:
    """Return a tenth of the distance to now, as R4 recommends for ``ap``."""
    now = clock.now()
    return abs(now - (low if low > now else min(high, now))) / 10


def _moved(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return BEGINNING if by < timedelta() else END
