"""``_filter``: a tree of comparisons -> criteria of a type.

https://hl7.org/fhir/R4/search_filter.html. A comparison is made with each value of the set that
its path yields, and one that holds is enough; only ``ni`` and ``not (...)`` speak of all.
"""

import re
from dataclasses import replace

from fhir.outcomes import BadRequestError
from fhir.registry.search_parameters import SearchParameter
from fhir.search import filter_grammar, values
from fhir.search.criteria import (
    AllCriterion,
    AnyCriterion,
    ChainCriterion,
    CompositeCriterion,
    Criterion,
    DateCriterion,
    IdCriterion,
    MissingCriterion,
    NotCriterion,
    Prefix,
    QuantityCriterion,
    ReferenceCriterion,
    Relation,
    StringCriterion,
    TextCriterion,
    TokenCriterion,
    UriCriterion,
)
from fhir.search.filter_grammar import Both, Comparison, Negation, Node, Step
from fhir.search.parameter import criterion as parameter_criterion
from fhir.search.parameter import parameter_of
from fhir.search.values import UnknownParameterError

_ORDERED = ("eq", "ne", "gt", "lt", "ge", "le")
_OPERATORS = {
    "string": (*_ORDERED, "co", "sw", "ew", "pr"),
    "number": (*_ORDERED, "co", "ap", "sa", "eb", "pr"),
    "date": (*_ORDERED, "co", "ap", "sa", "eb", "po", "pr"),
    "token": ("eq", "ne", "ss", "sb", "in", "ni", "pr"),
    "reference": ("re", "pr"),
    "quantity": (*_ORDERED, "ap", "sa", "eb", "pr"),
    "uri": ("eq", "pr"),
}
"""R4's table of operators by kind; it has no column for uris."""
_WORDS = ("co",)
"""Of ``_text`` and ``_content``."""
_TERMINOLOGY = {"ss": "below", "sb": "above", "in": "in", "ni": "not-in"}
_STRINGS = {"sw": None, "co": "contains"}

_NAMESPACES = {
    "loinc": "http://loinc.org",
    "snomed": "http://snomed.info/sct",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ucum": "http://unitsofmeasure.org",
}
"""Names that R4 predefines for filters."""

_PAIRS = {
    ("DocumentReference", "relatesTo"): ("relationship", "code", "target"),
    ("Group", "characteristic"): ("characteristic-value", "code", "value"),
}
"""R4's additional names: the composite that they ask, what goes into the brackets, what follows."""


def criterion(resource_type: str, text: str) -> Criterion:
    """Return the criterion that ``_filter=text`` means for ``resource_type``."""
    return _resolved(resource_type, filter_grammar.read(text))


def _resolved(resource_type: str, node: Node) -> Criterion:
    match node:
        case Both():
            parts = (_resolved(resource_type, node.left), _resolved(resource_type, node.right))
            return AllCriterion(parts) if node.word == "and" else AnyCriterion(parts)
        case Negation():
            return NotCriterion(_resolved(resource_type, node.inner))
        case Comparison():
            return _compared(resource_type, node)


def _compared(resource_type: str, node: Comparison) -> Criterion:
    step, *rest = node.path
    if pair := _PAIRS.get((resource_type, step.name)):
        return _paired(resource_type, node, pair)
    parameter = parameter_of(resource_type, step.name, "_filter")
    if not rest:
        return _leaf(resource_type, parameter, node.operator, node.value)
    return _chained(parameter, step, replace(node, path=tuple(rest)))


def _chained(parameter: SearchParameter, step: Step, rest: Comparison) -> Criterion:
    """Return a criterion on what a reference points to, which also meets the brackets."""
    if parameter.kind != "reference":
        raise UnknownParameterError(
            f"_filter: {parameter.code} is no reference, nothing follows it in brackets or "
            "after a point"
        )
    inner: list[tuple[str, Criterion]] = []
    unknown: UnknownParameterError | None = None
    for target in parameter.targets:
        try:
            found = _resolved(target, rest)
            if step.filter is not None:
                found = AllCriterion((_resolved(target, step.filter), found))
        except UnknownParameterError as error:
            # One of several possible types need not have the parameter.
            unknown = error
            continue
        inner.append((target, found))
    if not inner:
        raise unknown or UnknownParameterError(
            f"_filter: {parameter.code} refers to no type of this server"
        )
    return ChainCriterion(parameter, tuple(inner))


def _paired(resource_type: str, node: Comparison, names: tuple[str, str, str]) -> Criterion:
    """Return the composite for ``relatesTo[code eq replaces].target re DocumentReference/1``."""
    composite, first, second = names
    step, *rest = node.path
    inside = step.filter
    if (
        [each.name for each in rest] != [second]
        or not isinstance(inside, Comparison)
        or [each.name for each in inside.path] != [first]
        or inside.operator != "eq"
        or node.operator not in {"eq", "re"}
    ):
        raise BadRequestError(
            f"_filter: {step.name} is asked as {step.name}[{first} eq ...].{second} with eq or re",
            code="value",
        )
    pair = f"{_namespaced(inside.value)}${_namespaced(node.value)}"
    found = parameter_criterion(resource_type, composite, pair)
    assert isinstance(found, CompositeCriterion)
    return found


def _leaf(resource_type: str, parameter: SearchParameter, operator: str, text: str) -> Criterion:
    name = f"_filter: {parameter.code}"
    valid = _WORDS if parameter.code in {"_text", "_content"} else _OPERATORS.get(parameter.kind)
    if valid is None:
        raise UnknownParameterError(f"{name} is a {parameter.kind}, which filters do not compare")
    if operator not in valid:
        raise BadRequestError(
            f"{name} is a {parameter.kind}, which has the operators {', '.join(valid)}",
            code="value",
        )
    if operator == "pr":
        if text.lower() not in {"true", "false"}:
            raise BadRequestError(f"{name} pr is true or false", code="value")
        return MissingCriterion(parameter, missing=text.lower() == "false")
    if valid is _WORDS:
        return TextCriterion(parameter, (text,))
    match parameter.kind:
        case "string":
            return StringCriterion(parameter, (text,), _STRINGS.get(operator, operator))
        case "uri":
            return UriCriterion(parameter, (text,))
        case "reference":
            return ReferenceCriterion(parameter, (text,))
        case "date":
            date = values.date_value(name, text)
            return DateCriterion(parameter, (replace(date, prefix=_sign(operator, name, text)),))
        case "token" if modifier := _TERMINOLOGY.get(operator):
            # As the modifier that says the same, where the server has it.
            value = re.sub(r"(?<!\\),", r"\\,", _namespaced(text))
            return parameter_criterion(resource_type, f"{parameter.code}:{modifier}", value)
        case "token":
            return _token(parameter, operator, name, _namespaced(text))
        case _:
            unit = parameter.kind == "quantity"
            number = values.quantity_value(name, _namespaced(text), unit=unit)
            sign = _sign(operator, name, text)
            return QuantityCriterion(parameter, (replace(number, prefix=sign),))


def _sign(operator: str, name: str, text: str) -> Prefix | Relation:
    if text[:1].isalpha():
        raise BadRequestError(f"{name}: in a filter a value has no prefix", code="value")
    if operator in tuple(Relation):
        return Relation(operator)
    return Prefix(operator)


def _token(parameter: SearchParameter, operator: str, name: str, text: str) -> Criterion:
    if parameter.code == "_id":
        found = IdCriterion((text,))
        return NotCriterion(found) if operator == "ne" else found
    value = values.token_value(name, text)
    if operator == "ne" and parameter.absent is not None:
        # A resource that says nothing says this one: it always has one value.
        return NotCriterion(TokenCriterion(parameter, (value,)))
    return TokenCriterion(parameter, (value,), "ne" if operator == "ne" else None)


def _namespaced(text: str) -> str:
    """Put the address of a predefined namespace in the place of its name."""
    parts = values.split(text, "|")
    return "|".join(
        _NAMESPACES.get(part.lower(), part) if place < len(parts) - 1 else part
        for place, part in enumerate(parts)
    )
