"""Query string -> Query. Nothing is silently ignored: what is not understood is named.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Sequence
from functools import lru_cache

from fhir.outcomes import BadRequestError
from fhir.registry.search_parameters import SearchParameter, search_parameters
from fhir.registry.types import SUPPORTED_TYPES
from fhir.search import filters
from fhir.search.criteria import Criterion, Include, Query, SortKey
from fhir.search.parameter import criterion, listed, parameter_of
from fhir.search.values import UnknownParameterError, split

DEFAULT_COUNT = 20
LARGEST_COUNT = 1000
"""More on one page would be a burden to both sides: it is cut to this, as R4 allows."""

_LONGEST_QUERY = 100
"""Parameters in one search; R4 sets no limit, memory does."""

_MOST_VALUES = 1000
"""Alternatives in all of a search's parameters together: each is a value of the SQL statement."""

_MOST_SORT_KEYS = 10

_SHORT = 300
"""Characters of the values of a search that is kept in mind once it is understood."""

# Said by the transport, meant for it: read where the answer is written.
_TRANSPORT = frozenset({"_format", "_pretty"})
_TOTALS = ("none", "estimate", "accurate")
_SUMMARIES = ("true", "text", "data", "count", "false")
_UNSORTABLE = frozenset({"composite", "special"})
_ONCE = frozenset(
    {"_contained", "_count", "_cursor", "_elements", "_sort", "_summary", "_total", "_type"}
)
"""Of two of these one would be ignored."""


def parse(
    resource_type: str,
    params: Sequence[tuple[str, str]],
    *,
    lenient: bool = False,
    beside: Sequence[str] | None = None,
) -> Query:
    """Return what ``params`` ask of ``resource_type``.

    Raises BadRequestError for a parameter, modifier, prefix or value that is not valid, naming it
    and listing the valid ones. ``lenient`` (``Prefer: handling=lenient``) leaves out unknown
    parameters, modifiers, prefixes and includes instead; ``Query.used`` has what was used. A wrong
    value is always an error: to leave it out would answer another question. ``beside`` are the
    other types of a search of several types.
    """
    if len(params) > _LONGEST_QUERY:
        raise BadRequestError(
            f"a search has at most {_LONGEST_QUERY} parameters", code="too-costly"
        )
    if len(params) + sum(value.count(",") for _, value in params) > _MOST_VALUES:
        raise BadRequestError(
            f"a search has at most {_MOST_VALUES} values in all", code="too-costly"
        )
    if beside is None and sum(len(value) for _, value in params) <= _SHORT:
        return _known(resource_type, tuple(params), lenient)
    return _Reader(resource_type, lenient=lenient, beside=beside).read(params)


@lru_cache(maxsize=4096)
def _known(resource_type: str, params: tuple[tuple[str, str], ...], lenient: bool) -> Query:
    """Worklists and boards are asked for again and again; a Query never changes."""
    return _Reader(resource_type, lenient=lenient, beside=None).read(params)


class _Reader:
    def __init__(self, resource_type: str, *, lenient: bool, beside: Sequence[str] | None) -> None:
        self._type = resource_type
        self._types = (resource_type, *(beside or ()))
        self._across = beside is not None
        self._lenient = lenient
        self._criteria: list[Criterion] = []
        self._includes: list[Include] = []
        self._used: list[tuple[str, str]] = []
        self._sort: tuple[SortKey, ...] = ()
        self._count = DEFAULT_COUNT
        self._total: str | None = None
        self._summary: str | None = None
        self._elements: tuple[str, ...] = ()
        self._cursor: str | None = None

    def read(self, params: Sequence[tuple[str, str]]) -> Query:
        seen = set()
        for name, value in params:
            if name in _TRANSPORT:
                continue
            if name in _ONCE:
                if name in seen:
                    raise BadRequestError(f"{name} is given more than once", code="value")
                seen.add(name)
            try:
                self._parameter(name, value)
            except UnknownParameterError:
                if not self._lenient:
                    raise
                continue
            if name != "_cursor":
                self._used.append((name, value))
        return Query(
            type=self._type,
            criteria=tuple(self._criteria),
            sort=self._sort,
            count=self._count,
            includes=tuple(self._includes),
            total=self._total,
            summary=self._summary,
            elements=self._elements,
            cursor=self._cursor,
            used=tuple(self._used),
        )

    def _parameter(self, name: str, value: str) -> None:
        match name:
            case "_sort":
                parts = split(value, ",")
                if len(parts) > _MOST_SORT_KEYS:
                    raise BadRequestError(
                        f"_sort: at most {_MOST_SORT_KEYS} parameters", code="too-costly"
                    )
                self._sort = tuple(self._sort_key(part) for part in parts)
            case "_count":
                self._count = _whole(name, value)
            case "_total":
                self._total = _one_of(name, value, _TOTALS)
            case "_summary":
                self._summary = _one_of(name, value, _SUMMARIES)
            case "_elements":
                self._elements = _names(name, value)
            case "_cursor":
                self._cursor = value
            case "_contained":
                _one_of(name, value, ("false",))
            case "_type" if not self._across:
                raise UnknownParameterError(
                    "_type belongs to a search of several types: GET [base]?_type=..."
                )
            case "_type":
                pass
            case "_filter":
                self._criteria.append(filters.criterion(self._type, value))
            case _ if name.partition(":")[0] in {"_include", "_revinclude"}:
                self._includes += self._include(name, value)
            case _:
                self._criteria.append(criterion(self._type, name, value))

    def _sort_key(self, text: str) -> SortKey:
        code = text.removeprefix("-")
        if code == "_score":
            raise UnknownParameterError("_sort: matches are not scored; sort by a parameter")
        parameter = parameter_of(self._type, code, "_sort")
        if parameter.kind in _UNSORTABLE or not parameter.paths:
            raise BadRequestError(f"_sort: {code} is a {parameter.kind} and has no order")
        return SortKey(parameter, descending=text.startswith("-"))

    def _include(self, name: str, value: str) -> list[Include]:
        head, _, modifier = name.partition(":")
        if modifier not in {"", "iterate", "recurse"}:
            raise UnknownParameterError(f"{name}: valid is {head} and {head}:iterate")
        reverse, iterate = head == "_revinclude", bool(modifier)
        if value == "*":
            sources = SUPPORTED_TYPES if reverse or iterate else self._types
            return [Include(each, None, reverse=reverse, iterate=iterate) for each in sources]
        source, _, rest = value.partition(":")
        code, _, target = rest.partition(":")
        if source not in SUPPORTED_TYPES or (target and target not in SUPPORTED_TYPES):
            raise UnknownParameterError(
                f"{name}: {source if source not in SUPPORTED_TYPES else target} is not a type "
                f"of this server; valid ones are {', '.join(SUPPORTED_TYPES)}"
            )
        if not reverse and not iterate and source not in self._types:
            raise UnknownParameterError(
                f"{name}={value}: {source} is not {self._type}; use {head}:iterate to include "
                "from what was included"
            )
        parameter = None if code == "*" else _reference(name, source, code, target)
        return [Include(source, parameter, target or None, reverse=reverse, iterate=iterate)]


def _reference(name: str, source: str, code: str, target: str) -> SearchParameter:
    known = {c: p for c, p in search_parameters(source).items() if p.kind == "reference"}
    if code not in known:
        raise UnknownParameterError(
            f"{name}: {source} has no reference parameter {code or '(none given)'}; "
            f"valid ones are *, {listed(known)}"
        )
    if target and target not in known[code].targets:
        raise UnknownParameterError(
            f"{name}: {source}:{code} does not refer to {target}; it refers to "
            f"{listed(known[code].targets)}"
        )
    return known[code]


def _names(name: str, value: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in value.split(","))
    if not all(found):
        raise BadRequestError(f"{name} has an empty value", code="value")
    return found


def _whole(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise BadRequestError(f"{name} is not a whole number", code="value")
    return min(int(value), LARGEST_COUNT)


def _one_of(name: str, value: str, valid: Sequence[str]) -> str:
    if value not in valid:
        raise BadRequestError(f"{name}: valid values are {', '.join(valid)}", code="value")
    return value
