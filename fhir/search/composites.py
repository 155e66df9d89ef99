"""Composite parameters: pairs of values that stand in one and the same element.

https://hl7.org/fhir/R4/search.html#composite. Where the element is the resource itself, "both
halves in the resource" is exact and nothing is stored. In a repeating element two tokens (or a
token and a reference) make a key; a quantity gets the keys of its token as companion.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fhir.registry.search_parameters import Component, SearchParameter
from fhir.search import keys
from fhir.search.emitters import Found, QuantityRange, quantity_of, reference_keys, token_keys
from fhir.search.paths import Walk, compiled, steps_of

_TOKENS = frozenset({"CodeableConcept", "Coding", "code", "boolean"})


@dataclass(frozen=True, slots=True)
class _Half:
    code: str
    is_reference: bool
    paths: tuple[tuple[Walk, str], ...]

    def keys(self, element: Any, resource: Mapping[str, Any]) -> Iterator[str]:
        make = reference_keys if self.is_reference else token_keys
        for walk, kind in self.paths:
            for leaf in walk(element, resource):
                yield from make(self.code, kind, leaf)


def _half(component: Component) -> _Half:
    is_reference = component.kind == "reference"
    return _Half(
        component.code,
        is_reference,
        tuple(
            (compiled(steps_of(path)), kind)
            for path, kind in component.paths
            if is_reference or kind in _TOKENS
        ),
    )


def repeating_bases(parameter: SearchParameter) -> tuple[str, ...]:
    """Return the elements of a composite that stand below the resource itself."""
    return tuple(path for path, _ in parameter.paths if path)


def value_parameter(
    known: Mapping[str, SearchParameter], parameter: SearchParameter, base: str
) -> str:
    """Return the quantity parameter that keeps the second half of a composite at ``base``."""
    path = (
        f"{base}.{parameter.components[1].paths[0][0]}"
        if base
        else (parameter.components[1].paths[0][0])
    )
    holders = [
        p for p in known.values() if p.kind == "quantity" and any(q == path for q, _ in p.paths)
    ]
    return min(holders, key=lambda p: len(p.paths)).code


class CompositeEmitter:
    """Emits what the repeating elements of one composite need."""

    def __init__(self, known: Mapping[str, SearchParameter], parameter: SearchParameter) -> None:
        self._code = parameter.code
        self._first = _half(parameter.components[0])
        self._second = _half(parameter.components[1])
        self.heads = {steps_of(base)[0].name for base in repeating_bases(parameter)}
        self._bases = [
            (
                compiled(steps_of(base)),
                value_parameter(known, parameter, base) if self._is_quantity(parameter) else "",
            )
            for base in repeating_bases(parameter)
        ]
        self._quantities = [
            (compiled(steps_of(path)), kind) for path, kind in parameter.components[1].paths
        ]

    @staticmethod
    def _is_quantity(parameter: SearchParameter) -> bool:
        return parameter.components[1].kind == "quantity"

    def __call__(self, resource: Mapping[str, Any], found: Found) -> None:
        for walk, value_code in self._bases:
            for element in walk(resource, resource):
                first = tuple(self._first.keys(element, resource))
                if not first:
                    continue
                if value_code:
                    self._companions(element, resource, value_code, first, found)
                    continue
                for second in self._second.keys(element, resource):
                    found.keys += (keys.composite(self._code, key, second) for key in first)

    def _companions(
        self,
        element: Any,
        resource: Mapping[str, Any],
        value_code: str,
        first: tuple[str, ...],
        found: Found,
    ) -> None:
        for walk, kind in self._quantities:
            for leaf in walk(element, resource):
                if (range_ := quantity_of(kind, leaf)) is not None:
                    found.quantities.append(QuantityRange(value_code, *range_, first))
