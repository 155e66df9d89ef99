"""A search of several types: ``GET [base]?_type=Patient,Practitioner&...``.

https://hl7.org/fhir/R4/search.html#all. Every parameter must be one of every type.
"""

from collections.abc import Sequence

from fhir.outcomes import BadRequestError
from fhir.registry.types import SUPPORTED_TYPES
from fhir.search.criteria import Query
from fhir.search.query import parse
from fhir.search.values import UnknownParameterError

Params = Sequence[tuple[str, str]]


def named(params: Params, among: Sequence[str] = SUPPORTED_TYPES) -> tuple[str, ...] | None:
    """Return the types that ``_type`` names, each once; None where it is not there."""
    given = [value for name, value in params if name == "_type"]
    if not given:
        return None
    found = tuple(dict.fromkeys(part for value in given for part in value.split(",")))
    for each in found:
        if each not in among:
            raise BadRequestError(
                f"_type: {each or 'an empty name'} is not a type that can be found here; "
                f"valid ones are {', '.join(among)}",
                code="value",
            )
    return found


def parse_all(types: Sequence[str], params: Params, *, lenient: bool = False) -> tuple[Query, ...]:
    """Return what ``params`` ask of each of ``types``.

    ``lenient`` leaves out, for all, what one of them does not know. Raises BadRequestError.
    """
    used = list(params)
    if lenient:
        for each in types:
            known = parse(each, used, lenient=True, beside=types).used
            used = [pair for pair in used if pair in known or pair[0] == "_cursor"]
    return tuple(_parsed(each, types, used) for each in types)


def _parsed(resource_type: str, types: Sequence[str], params: Params) -> Query:
    try:
        return parse(resource_type, params, beside=types)
    except UnknownParameterError as error:
        if len(types) == 1:
            raise
        raise UnknownParameterError(
            f"every parameter must be one of every type that is searched: {error.issues[0].text}"
        ) from error
