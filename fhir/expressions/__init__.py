"""FHIRPath for what definitions say: conditions, dynamic values, criteria of measures.

https://hl7.org/fhir/R4/fhirpath.html. Off the hot path: a search never comes here. The time is an
argument, also for what FHIRPath itself says of now and today.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from fhirpathpy import apply_parsed_path
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.models import models
from fhirpathpy.parser import parse

from fhir.outcomes import UnprocessableError

FHIRPATH = "text/fhirpath"
"""The language of an Expression that is FHIRPath."""
_LONGEST = 5000


@lru_cache(maxsize=512)
def _parsed(expression: str) -> Any:
    return parse(expression)  # type: ignore[no-untyped-call]


def evaluate(
    expression: str, focus: Any, variables: Mapping[str, Any], *, at: datetime, where: str
) -> list[Any]:
    """Return what the expression yields for ``focus``.

    ``where`` is the FHIRPath of the Expression in its definition, for the error. Raises
    UnprocessableError.
    """
    if len(expression) > _LONGEST:
        raise UnprocessableError(
            f"an expression has at most {_LONGEST} characters", expression=where, code="too-costly"
        )
    clock = {
        "now": {"fn": lambda _: [at.isoformat()], "arity": {0: []}},
        "today": {"fn": lambda _: [at.date().isoformat()], "arity": {0: []}},
        "timeOfDay": {"fn": lambda _: [at.time().isoformat()], "arity": {0: []}},
    }
    try:
        found = apply_parsed_path(  # type: ignore[no-untyped-call]
            focus,
            _parsed(expression),
            {name: _node(value) for name, value in variables.items()},
            models["r4"],
            {"userInvocationTable": clock},
        )
    except Exception as error:  # the library raises bare Exception and whatever its parser meets
        raise UnprocessableError(
            "the expression cannot be evaluated as FHIRPath", expression=where, code="processing"
        ) from error
    return list(found)


def _node(value: Any) -> Any:
    """Let the engine know the types of resources, for ``ofType`` and choices."""
    if isinstance(value, list):
        return [_node(each) for each in value]
    if isinstance(value, dict) and "resourceType" in value:
        return ResourceNode.create_node(value)  # type: ignore[no-untyped-call]
    return value


def condition(
    expression: str, focus: Any, variables: Mapping[str, Any], *, at: datetime, where: str
) -> bool:
    """Say whether the expression is true; nothing is not true."""
    return evaluate(expression, focus, variables, at=at, where=where) == [True]


def text_of(expression: Mapping[str, Any] | None, where: str) -> str:
    """Return the text of an Expression in FHIRPath. Raises UnprocessableError for another."""
    language = (expression or {}).get("language")
    text = (expression or {}).get("expression")
    if language != FHIRPATH or not isinstance(text, str):
        raise UnprocessableError(
            f"{language or 'an expression without its text'} is not understood here: "
            f"use {FHIRPATH}, with the expression itself",
            expression=where,
            code="not-supported",
        )
    return text
