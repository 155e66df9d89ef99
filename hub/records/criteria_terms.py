"""Tokens by meaning: ``:in``, ``:not-in`` (a value set), ``:above``, ``:below`` (a hierarchy).

Each becomes a search for codes, listed by the terminology before the statement is made.
https://hl7.org/fhir/R4/search.html#modifiers
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fhir.outcomes import BadRequestError, GoneError, NotFoundError, UnprocessableError
from fhir.search.criteria import SubsumptionCriterion, TokenCriterion, TokenValue, ValueSetCriterion
from fhir.terminology import LIMIT, CodeSystem, Composition
from fhir.terminology.compose import too_costly
from hub.records import reading, terminology

if TYPE_CHECKING:
    from hub.records.criteria import Scope


def in_value_set(scope: "Scope", criterion: ValueSetCriterion) -> TokenCriterion:
    """Return the search for the codes of value sets. Raises BadRequestError naming one."""
    name = f"{criterion.parameter.code}:{criterion.modifier}"
    composition = Composition(terminology.holdings(scope.actor))
    found: dict[TokenValue, None] = {}
    for reference in criterion.references:
        try:
            if reference.startswith("ValueSet/"):
                record_id = reference.removeprefix("ValueSet/")
                value_set = reading.read(scope.actor, "ValueSet", record_id).resource
            else:
                value_set = dict(composition.value_set(reference))
            members = composition.members(value_set)
        except (NotFoundError, GoneError) as error:
            raise BadRequestError(f"{name}: {error.text}", code="not-found") from None
        except UnprocessableError as error:
            raise UnprocessableError(f"{name}: {error.text}", code=error.issues[0].code) from None
        found.update(dict.fromkeys(TokenValue(system, code) for system, code in members))
    _affordable(found)
    negated = "not" if criterion.modifier == "not-in" else None
    return TokenCriterion(criterion.parameter, tuple(found), negated)


def by_hierarchy(scope: "Scope", criterion: SubsumptionCriterion) -> TokenCriterion:
    """Return the search for the codes above or below others, themselves among them."""
    name = f"{criterion.parameter.code}:{criterion.modifier}"
    holdings = terminology.holdings(scope.actor)
    found: dict[TokenValue, None] = {}
    for value in criterion.values:
        system = holdings.code_system(value.system or "", None)
        if system is None:
            raise BadRequestError(
                f"{name}: the code system {value.system} is not held here", code="not-found"
            )
        concept = system.concept(value.code or "")
        if concept is None:
            raise BadRequestError(
                f"{name}: the code system {value.system} has no code {value.code}",
                code="code-invalid",
            )
        reached = _reached(system, concept.code, criterion.modifier)
        found.update(dict.fromkeys(TokenValue(value.system, code) for code in reached))
        _affordable(found)
    return TokenCriterion(criterion.parameter, tuple(found))


def _reached(system: CodeSystem, code: str, modifier: str) -> Iterable[str]:
    if modifier == "above":
        return (code, *sorted(system.ancestors(code)))
    return (code, *system.descendants(code, LIMIT))


def _affordable(found: dict[TokenValue, None]) -> None:
    if len(found) > LIMIT:
        raise too_costly(LIMIT)
