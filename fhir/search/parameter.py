"""One parameter of a query string -> one criterion: modifiers, chains and reverse chains."""

import re
from collections.abc import Iterable
from dataclasses import replace

from fhir.outcomes import BadRequestError
from fhir.registry.search_parameters import (
    Component,
    SearchParameter,
    search_parameters,
    whole_parameter,
)
from fhir.registry.types import SUPPORTED_TYPES
from fhir.search import values
from fhir.search.criteria import (
    CanonicalCriterion,
    ChainCriterion,
    CompositeCriterion,
    Criterion,
    DateCriterion,
    HasCriterion,
    HierarchyCriterion,
    IdCriterion,
    IdentifierCriterion,
    ListCriterion,
    MissingCriterion,
    NearCriterion,
    OfTypeCriterion,
    QuantityCriterion,
    ReferenceCriterion,
    StringCriterion,
    SubsumptionCriterion,
    TextCriterion,
    TokenCriterion,
    TokenValue,
    UriCriterion,
    ValueSetCriterion,
)
from fhir.search.values import UnknownParameterError

_DEEPEST_CHAIN = 4
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
# Parameters of R4 that ask for named queries: this server has none.
_UNSUPPORTED = frozenset({"_query"})
_CONTROLS = (
    "_contained",
    "_count",
    "_elements",
    "_filter",
    "_has",
    "_include",
    "_list",
    "_revinclude",
    "_sort",
    "_summary",
    "_total",
)

_CODED = frozenset({"code", "Coding", "CodeableConcept"})
"""Data types whose values are codes of code systems."""

_MODIFIERS = {
    "token": ("missing", "not", "text"),
    "reference": ("missing",),
    "string": ("missing", "exact", "contains"),
    "uri": ("missing", "above", "below"),
    "date": ("missing",),
    "number": ("missing",),
    "quantity": ("missing",),
}


def listed(codes: Iterable[str]) -> str:
    return ", ".join(sorted(set(codes)))


def parameter_of(resource_type: str, code: str, name: str) -> SearchParameter:
    """Return a parameter of a type, or say which there are."""
    known = search_parameters(resource_type)
    if code in known and code not in _UNSUPPORTED:
        return known[code]
    controls = () if name == "_sort" else _CONTROLS
    raise UnknownParameterError(
        f"{name}: {resource_type} has no search parameter {code}; valid ones are "
        f"{listed([*(c for c in known if c not in _UNSUPPORTED), *controls])}"
    )


def modifiers_of(parameter: SearchParameter) -> tuple[str, ...]:
    """Return the modifiers that are valid for a parameter."""
    if parameter.code in {"_id", "_text", "_content"}:
        return ()
    valid = _MODIFIERS.get(parameter.kind, ())
    if parameter.kind == "token" and parameter.types & _CODED:
        valid = (*valid, "in", "not-in", "above", "below")
    if parameter.kind == "token" and "Identifier" in parameter.types:
        valid = (*valid, "of-type")
    if parameter.kind == "reference":
        if "Reference" in parameter.types:
            valid = (*valid, "identifier")
        if "canonical" in parameter.types or any(map(whole_parameter, parameter.targets)):
            valid = (*valid, "above", "below")
        valid = (*valid, *parameter.targets, *parameter.foreign_targets)
    return valid


def criterion(resource_type: str, name: str, text: str, depth: int = 0) -> Criterion:
    """Return the criterion that ``name=text`` means for ``resource_type``."""
    if depth > _DEEPEST_CHAIN:
        raise BadRequestError(
            f"{name}: a chain has at most {_DEEPEST_CHAIN} links", code="too-costly"
        )
    if name.startswith("_has:"):
        return _has(name, text, depth)
    if name == "_list":
        return _list(text)
    head, dot, tail = name.partition(".")
    code, _, modifier = head.partition(":")
    parameter = parameter_of(resource_type, code, name)
    if dot:
        return _chain(parameter, modifier, tail, text, name=name, depth=depth)
    if modifier and modifier not in modifiers_of(parameter):
        valid = modifiers_of(parameter)
        raise UnknownParameterError(
            f"{name}: {modifier} is not a modifier of {code}; "
            f"{'valid ones are ' + ', '.join(valid) if valid else 'it takes none'}"
        )
    if modifier == "missing":
        if text not in {"true", "false"}:
            raise BadRequestError(f"{name} is true or false", code="value")
        return MissingCriterion(parameter, missing=text == "true")
    return _by_kind(parameter, modifier or None, name, text)


def _by_kind(parameter: SearchParameter, modifier: str | None, name: str, text: str) -> Criterion:
    parts = values.alternatives(name, text)
    plain = tuple(values.unescape(part) for part in parts)
    if parameter.code == "_id":
        return IdCriterion(plain)
    if parameter.code in {"_text", "_content"}:
        return TextCriterion(parameter, plain)
    match parameter.kind:
        case "token" if modifier == "of-type":
            return OfTypeCriterion(parameter, tuple(_of_type(name, part) for part in parts))
        case "token" if modifier == "text":
            return StringCriterion(parameter, plain, "text")
        case "token" if modifier in {"in", "not-in"}:
            return ValueSetCriterion(parameter, plain, modifier)
        case "token" if modifier in {"above", "below"}:
            tokens = tuple(values.token_value(name, part) for part in parts)
            return SubsumptionCriterion(
                parameter, tuple(_of_system(parameter, name, token) for token in tokens), modifier
            )
        case "token":
            tokens = tuple(values.token_value(name, part) for part in parts)
            return TokenCriterion(parameter, tokens, modifier)
        case "reference" if modifier == "identifier":
            tokens = tuple(values.token_value(name, part) for part in parts)
            return IdentifierCriterion(parameter, tokens)
        case "reference" if modifier in {"above", "below"}:
            return _related(parameter, name, plain, below=modifier == "below")
        case "reference":
            return ReferenceCriterion(
                parameter, tuple(_target(name, part, modifier) for part in plain), modifier
            )
        case "string":
            return StringCriterion(parameter, plain, modifier)
        case "uri":
            return UriCriterion(parameter, plain, modifier)
        case "date":
            dates = tuple(values.date_value(name, part) for part in parts)
            return DateCriterion(parameter, dates)
        case "number" | "quantity":
            unit = parameter.kind == "quantity"
            return QuantityCriterion(
                parameter, tuple(values.quantity_value(name, part, unit=unit) for part in parts)
            )
        case "composite":
            return CompositeCriterion(
                parameter, tuple(_pair(parameter, name, part) for part in parts)
            )
        case _:
            return NearCriterion(parameter, tuple(values.near_value(name, p) for p in parts))


def _of_system(parameter: SearchParameter, name: str, token: TokenValue) -> TokenValue:
    """Return a token with its system: that of a hierarchy; a bare code has that of its binding."""
    system = token.system
    if system is None and len(parameter.systems) == 1:
        system = parameter.systems[0]
    if not system or not token.code:
        raise BadRequestError(f"{name} is system|code", code="value")
    return TokenValue(system, token.code)


def _of_type(name: str, text: str) -> tuple[str, str, str]:
    parts = [values.unescape(part) for part in values.split(text, "|")]
    if len(parts) != 3 or not parts[1] or not parts[2]:
        raise BadRequestError(f"{name} is system|code|value", code="value")
    return parts[0], parts[1], parts[2]


def _target(name: str, text: str, modifier: str | None) -> str:
    """Return a reference as it is compared; the type modifier goes before a bare id."""
    if modifier and _ID.fullmatch(text):
        return f"{modifier}/{text}"
    if modifier and "/" in text and not text.rpartition("/")[0].endswith(modifier):
        raise BadRequestError(f"{name}: the value names another type", code="value")
    return text


def _related(
    parameter: SearchParameter, name: str, texts: tuple[str, ...], *, below: bool
) -> Criterion:
    """Return what stands above or below versions of a canonical, or parts of a whole."""
    if "canonical" in parameter.types:
        return CanonicalCriterion(parameter, texts, below)
    targets = [target for target in parameter.targets if whole_parameter(target)]
    found = []
    for text in texts:
        kind, slash, record_id = text.rpartition("/")
        if not _ID.fullmatch(record_id) or (slash and kind not in targets):
            raise BadRequestError(
                f"{name} is an id or Type/id of {' or '.join(targets)}", code="value"
            )
        found += [text] if slash else [f"{target}/{text}" for target in targets]
    return HierarchyCriterion(parameter, tuple(found), below)


def _list(text: str) -> ListCriterion:
    """Return the members of Lists; https://hl7.org/fhir/R4/lifecycle.html#current lists are none.

    Which problems or allergies are current is decided by people, not derived by a server.
    """
    ids = values.alternatives("_list", text)
    for each in ids:
        if not _ID.fullmatch(each):
            raise BadRequestError(
                "_list is the id of a List; functional lists ($current-...) are not kept here",
                code="value",
            )
    return ListCriterion(tuple(ids))


def _pair(parameter: SearchParameter, name: str, text: str) -> tuple[Criterion, Criterion]:
    parts = values.split(text, "$")
    if len(parts) != 2:
        halves = "$".join(component.code for component in parameter.components)
        raise BadRequestError(f"{name} is {halves}", code="value")
    first, second = (
        _by_kind(component_parameter(parameter, component), None, name, part)
        for component, part in zip(parameter.components, parts, strict=True)
    )
    return first, second


def component_parameter(parameter: SearchParameter, component: Component) -> SearchParameter:
    """Return a half of a composite as a parameter of its own, for one that has no base."""
    return replace(
        parameter,
        code=component.code,
        kind=component.kind,
        paths=component.paths,
        components=(),
        types=frozenset(kind for _, kind in component.paths),
    )


def _chain(
    parameter: SearchParameter, modifier: str, tail: str, text: str, *, name: str, depth: int
) -> Criterion:
    if parameter.kind != "reference":
        raise UnknownParameterError(f"{name}: {parameter.code} is no reference, nothing follows it")
    if modifier and modifier not in parameter.targets:
        raise UnknownParameterError(
            f"{name}: {modifier} is not a type that {parameter.code} refers to; "
            f"valid ones are {listed(parameter.targets)}"
        )
    targets = (modifier,) if modifier else parameter.targets
    wanted = tail.partition(".")[0].partition(":")[0]
    having = [t for t in targets if wanted in {"_has", "_list"} or wanted in search_parameters(t)]
    if not having:
        raise UnknownParameterError(
            f"{name}: none of the types {listed(targets)} has a search parameter {wanted}"
        )
    inner: list[tuple[str, Criterion]] = []
    error: UnknownParameterError | None = None
    for target in having:
        try:
            inner.append((target, criterion(target, tail, text, depth + 1)))
        except UnknownParameterError as unknown:
            # One of several possible types need not understand the rest of the chain.
            error = unknown
    if not inner and error is not None:
        raise error
    return ChainCriterion(parameter, tuple(inner))


def _has(name: str, text: str, depth: int) -> Criterion:
    parts = name.split(":", 3)
    if len(parts) != 4 or not all(parts[1:]):
        raise UnknownParameterError(f"{name}: it is _has:Type:reference:parameter")
    _, source, code, rest = parts
    if source not in SUPPORTED_TYPES:
        raise UnknownParameterError(
            f"{name}: {source} is not a type of this server; "
            f"valid ones are {', '.join(SUPPORTED_TYPES)}"
        )
    reference = parameter_of(source, code, name)
    if reference.kind != "reference":
        raise UnknownParameterError(f"{name}: {code} is no reference parameter of {source}")
    return HasCriterion(source, reference, criterion(source, rest, text, depth + 1))
