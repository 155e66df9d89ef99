"""Query string -> Query. Nothing is silently ignored: what is not understood is named.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Sequence

from fhir.outcomes import BadRequestError
from fhir.registry.search_parameters import SearchParameter, search_parameters
from fhir.registry.types import SUPPORTED_TYPES
from fhir.search.criteria import Criterion, Include, Query, SortKey
from fhir.search.parameter import UnknownParameterError, criterion, listed, parameter_of
from fhir.search.values import split

__all__ = ["DEFAULT_COUNT", "LARGEST_COUNT", "parse"]

DEFAULT_COUNT = 20
LARGEST_COUNT = 1000
"""More on one page would be a burden to both sides: it is cut to this, as R4 allows."""

_LONGEST_QUERY = 100
"""Parameters in one search; R4 sets no limit, memory does."""

# Said by the transport, meant for it: read where the answer is written.
_TRANSPORT = frozenset({"_format", "_pretty"})
_TOTALS = ("none", "estimate", "accurate")
_SUMMARIES = ("true", "text", "data", "count", "false")
_UNSORTABLE = frozenset({"composite", "special"})


def parse(resource_type: str, params: Sequence[tuple[str, str]], *, lenient: bool = False) -> Query:
    """Return what ``params`` ask of ``resource_type``.

    Raises BadRequestError for a parameter, modifier, prefix or value that is not valid, naming it
    and listing the valid ones. ``lenient`` (``Prefer: handling=lenient``) leaves out unknown
    parameters and modifiers instead; ``Query.used`` has what was used. A wrong value is always an
    error: to leave it out would answer another question.
    """
    if len(params) > _LONGEST_QUERY:
        raise BadRequestError(
            f"a search has at most {_LONGEST_QUERY} parameters", code="too-costly"
        )
    return _Reader(resource_type, lenient=lenient).read(params)


class _Reader:
    def __init__(self, resource_type: str, *, lenient: bool) -> None:
        self._type = resource_type
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
        for name, value in params:
            if name in _TRANSPORT:
                continue
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
                self._sort = tuple(self._sort_key(part) for part in split(value, ","))
            case "_count":
                self._count = _whole(name, value)
            case "_total":
                self._total = _one_of(name, value, _TOTALS)
            case "_summary":
                self._summary = _one_of(name, value, _SUMMARIES)
            case "_elements":
                self._elements = tuple(part.strip() for part in value.split(",") if part.strip())
            case "_cursor":
                self._cursor = value
            case "_contained":
                _one_of(name, value, ("false",))
            case _ if name.partition(":")[0] in {"_include", "_revinclude"}:
                self._includes.append(self._include(name, value))
            case _:
                self._criteria.append(criterion(self._type, name, value))

    def _sort_key(self, text: str) -> SortKey:
        code = text.removeprefix("-")
        parameter = parameter_of(self._type, code, "_sort")
        if parameter.kind in _UNSORTABLE or not parameter.paths:
            raise BadRequestError(f"_sort: {code} is a {parameter.kind} and has no order")
        return SortKey(parameter, descending=text.startswith("-"))

    def _include(self, name: str, value: str) -> Include:
        head, _, modifier = name.partition(":")
        if modifier not in {"", "iterate", "recurse"}:
            raise UnknownParameterError(f"{name}: valid is {head} and {head}:iterate")
        reverse = head == "_revinclude"
        source, _, rest = value.partition(":")
        code, _, target = rest.partition(":")
        if source not in SUPPORTED_TYPES or (target and target not in SUPPORTED_TYPES):
            raise BadRequestError(
                f"{name}: {source if source not in SUPPORTED_TYPES else target} is not a type "
                f"of this server; valid ones are {', '.join(SUPPORTED_TYPES)}",
                code="value",
            )
        iterate = bool(modifier)
        if not reverse and not iterate and source != self._type:
            raise BadRequestError(
                f"{name}={value}: {source} is not {self._type}; use {head}:iterate to include "
                "from what was included",
                code="value",
            )
        if code == "*":
            return Include(source, None, target or None, reverse=reverse, iterate=iterate)
        return Include(
            source, _reference(name, source, code), target or None, reverse=reverse, iterate=iterate
        )


def _reference(name: str, source: str, code: str) -> SearchParameter:
    known = {c: p for c, p in search_parameters(source).items() if p.kind == "reference"}
    if code not in known:
        raise BadRequestError(
            f"{name}: {source} has no reference parameter {code or '(none given)'}; "
            f"valid ones are *, {listed(known)}",
            code="value",
        )
    return known[code]


def _whole(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise BadRequestError(f"{name} is not a whole number", code="value")
    return min(int(value), LARGEST_COUNT)


def _one_of(name: str, value: str, valid: Sequence[str]) -> str:
    if value not in valid:
        raise BadRequestError(f"{name}: valid values are {', '.join(valid)}", code="value")
    return value
