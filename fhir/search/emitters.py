"""Data types -> index values: one small function for each kind of parameter and data type.

https://hl7.org/fhir/R4/search.html, the tables of section 3.1.1.4.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from fhir.recurring import LONGEST
from fhir.registry.search_parameters import SearchParameter
from fhir.search import keys
from fhir.search.dates import DateRange, date_range, period_range, timing_range
from fhir.search.paths import local_reference, without_version
from fhir.search.text import normalised, sounds, telephone

INFINITY = Decimal("Infinity")
POINT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class QuantityRange:
    """A number or quantity: closed range (both ends are the number itself, mostly)."""

    parameter: str
    lo: Decimal
    hi: Decimal
    unit: str = ""
    """``system|code|unit`` as far as they are given; empty for a plain number."""
    companion: tuple[str, ...] = ()
    """Keys of the other half of a composite, such as the code of the same component."""


@dataclass(slots=True)
class Found:
    """What has been found in one resource so far."""

    resource: Mapping[str, Any]
    keys: list[str] = field(default_factory=list)
    strings: list[tuple[str, str]] = field(default_factory=list)
    dates: dict[str, list[DateRange]] = field(default_factory=dict)
    quantities: list[QuantityRange] = field(default_factory=list)

    def merged_quantities(self) -> tuple[QuantityRange, ...]:
        """Return the quantities, equal ones once with the companions of all."""
        if len(self.quantities) < 2:
            return tuple(self.quantities)
        merged: dict[tuple[str, Decimal, Decimal, str], QuantityRange] = {}
        for quantity in self.quantities:
            same = (quantity.parameter, quantity.lo, quantity.hi, quantity.unit)
            before = merged.get(same)
            if before is None:
                merged[same] = quantity
            elif quantity.companion:
                companion = tuple(dict.fromkeys((*before.companion, *quantity.companion)))
                merged[same] = replace(before, companion=companion)
        return tuple(merged.values())


Emit = Callable[[Any, Found], None]


def nothing(_value: Any, _found: Found) -> None:
    """Do nothing: the type has no value of this kind of parameter, or a column has it."""


def emitter(
    parameter: SearchParameter,
    kind: str,
    *,
    parts: tuple[str, ...] = (),
    silent: bool = False,
    column: bool = False,
) -> Emit:
    """Return what to do with a value of data type ``kind`` for ``parameter``.

    ``parts`` are those of a name or address that no other parameter keeps; ``silent`` makes no
    keys (a column has them), ``column`` none for a Patient of this system (patient_id has it).
    """
    if parameter.kind == "token":
        return nothing if silent else _token(parameter, kind)
    if parameter.kind == "reference":
        return _reference(parameter.code, kind, silent=silent, column=column)
    if parameter.kind == "uri":
        return _uri(parameter.code)
    if parameter.kind == "string":
        return _string(parameter.code, kind, parts)
    if parameter.kind == "date":
        return _date(parameter.code, kind)
    return _quantity(parameter.code, kind)


# Tokens ------------------------------------------------------------------------------------

_CODE_ONLY = frozenset({"code", "string", "id", "uri", "boolean", "exists"})


def folded(code: str) -> str:
    """Fold a token: "when in doubt, servers SHOULD treat tokens in a case-insensitive manner"."""
    return code.lower()


def token_keys(name: str, kind: str, value: Any) -> Sequence[str]:
    """Return the keys of a value of a token parameter called ``name``."""
    if kind == "CodeableConcept":
        codings = value.get("coding", ())
        if len(codings) == 1:
            return _known_keys(name, codings[0].get("system"), codings[0].get("code"))
        return [key for each in codings for key in token_keys(name, "Coding", each)]
    if kind == "Coding":
        return _known_keys(name, value.get("system"), value.get("code"))
    if kind == "Identifier":
        return _coding_keys(name, value.get("system"), value.get("value"))
    if kind == "boolean":
        return (keys.token_code(name, "true" if value else "false"),)
    if kind == "exists":
        return (keys.token_code(name, "true"),)
    if kind == "ContactPoint" and (number := value.get("value")):
        number = telephone(number)
        system = folded(value.get("system") or "")
        return keys.token_code(name, number), keys.token(name, system, number)
    if kind in _CODE_ONLY:
        return _known_keys(name, None, value)[:1]
    return ()


def _coding_keys(name: str, system: str | None, code: str | None) -> tuple[str, ...]:
    found: tuple[str, ...] = ()
    if code:
        code = folded(code)
        found = (keys.token_code(name, code), keys.token(name, system or "", code))
    return (*found, keys.token_system(name, system)) if system else found


_kept_keys = lru_cache(maxsize=32768)(_coding_keys)


def _known_keys(name: str, system: str | None, code: str | None) -> tuple[str, ...]:
    """Keep the keys of codes, which come again; identifiers, which do not, would push them out."""
    if len(system or "") + len(code or "") > LONGEST:
        return _coding_keys(name, system, code)
    return _kept_keys(name, system, code)


def _token(parameter: SearchParameter, kind: str) -> Emit:
    name = parameter.code

    def emit(value: Any, found: Found) -> None:
        found.keys += token_keys(name, kind, value)

    def emit_identifier(value: Any, found: Found) -> None:
        emit(value, found)
        found.keys += _typed_identifier(name, value)

    return emit_identifier if kind == "Identifier" else emit


def _typed_identifier(name: str, identifier: Mapping[str, Any]) -> Iterator[str]:
    value = identifier.get("value")
    for coding in identifier.get("type", {}).get("coding", ()):
        if value and coding.get("code"):
            code = folded(coding["code"])
            yield keys.of_type(name, coding.get("system") or "", code, folded(value))


def absent_key(parameter: SearchParameter) -> str:
    """Return the key of what a resource says by saying nothing."""
    return keys.token_code(parameter.code, parameter.absent or "")


# References and uris -----------------------------------------------------------------------


def reference_keys(name: str, kind: str, value: Any) -> Iterator[str]:
    if kind in {"canonical", "uri"}:
        yield from canonical_keys(name, value)
        return
    target = value.get("reference") or ""
    if target and not target.startswith("#"):
        yield keys.reference(name, without_version(target))


def canonical_keys(name: str, value: str) -> Iterator[str]:
    """Yield the keys of a canonical: with its version and without."""
    address, _, version = value.partition("|")
    yield keys.reference(name, address)
    if version:
        yield keys.reference(name, value)


def _reference(name: str, kind: str, *, silent: bool, column: bool) -> Emit:
    if kind not in {"Reference", "canonical", "uri"}:
        return nothing
    identifier = keys.identifier_of(name)

    def emit(value: Any, found: Found) -> None:
        if kind == "Reference":
            if "identifier" in value:
                found.keys += token_keys(identifier, "Identifier", value["identifier"])
            if silent or (column and is_local_patient(value.get("reference") or "")):
                return
        found.keys += reference_keys(name, kind, value)

    return emit


def is_local_patient(target: str) -> bool:
    return target.startswith("Patient/") and local_reference(target) is not None


def _uri(name: str) -> Emit:
    def emit(value: Any, found: Found) -> None:
        found.keys.append(keys.uri(name, value))
        address, bar, _ = value.partition("|")
        if bar:
            found.keys.append(keys.uri(name, address))

    return emit


# Strings -----------------------------------------------------------------------------------


LONGEST_STRING = 600
"""Characters of a string that are indexed: an entry of a B-tree has its limit (2.7 kB)."""


def _string(name: str, kind: str, parts: tuple[str, ...]) -> Emit:
    def emit(value: Any, found: Found) -> None:
        if text := normalised(value):
            found.strings.append((name, text[:LONGEST_STRING]))

    def emit_parts(value: Any, found: Found) -> None:
        for part in parts:
            inner = value.get(part)
            for text in inner if isinstance(inner, list) else (inner,):
                if text and (text := normalised(text)):
                    found.strings.append((name, text[:LONGEST_STRING]))

    def emit_sounds(value: Any, found: Found) -> None:
        if isinstance(value, str):
            value = {"text": value}
        for part in (value.get("family"), *value.get("given", ()), value.get("text")):
            if part:
                found.keys += (keys.phonetic(name, sound) for sound in sounds(part))

    if name == "phonetic":
        return emit_sounds
    return emit_parts if kind in {"HumanName", "Address"} else emit


# Dates -------------------------------------------------------------------------------------


def range_of(kind: str, value: Any) -> DateRange | None:
    """Return the range of a value of one of the date types; None where it says no date."""
    try:
        if kind == "instant":
            # A point in time: https://hl7.org/fhir/R4/search.html#date gives it no width.
            lo, _ = date_range(value)
            return lo, None if lo is None else lo + POINT
        if kind in {"dateTime", "date", "string"}:
            # A string (CarePlan.activity.detail.scheduledString) counts where it is a date.
            return date_range(value)
        if kind == "Period":
            return period_range(value)
        if kind == "Timing":
            return timing_range(value)
    except ValueError:
        # Words, or stored beside the validator: a record that cannot be dated is still kept.
        return None
    return None


def _date(name: str, kind: str) -> Emit:
    def emit(value: Any, found: Found) -> None:
        if (range_ := range_of(kind, value)) is not None:
            found.dates.setdefault(name, []).append(range_)

    return emit


# Numbers and quantities --------------------------------------------------------------------


def number(value: Any) -> Decimal:
    """Return a JSON number exactly; a float stands for its shortest spelling."""
    return value if isinstance(value, Decimal) else Decimal(str(value))


def quantity_of(kind: str, value: Any) -> tuple[Decimal, Decimal, str] | None:
    """Return (lo, hi, unit) of a decimal, Quantity or Range; None where it has no number."""
    if kind in {"decimal", "integer", "positiveInt", "unsignedInt"}:
        return number(value), number(value), ""
    if kind == "Quantity":
        if value.get("value") is None:
            return None
        exact = number(value["value"])
        comparator = value.get("comparator", "")
        lo = -INFINITY if comparator.startswith("<") else exact
        hi = INFINITY if comparator.startswith(">") else exact
        return lo, hi, _unit(value)
    if kind == "Range":
        low, high = value.get("low") or {}, value.get("high") or {}
        lo = number(low["value"]) if "value" in low else -INFINITY
        hi = number(high["value"]) if "value" in high else INFINITY
        return lo, hi, _unit(low or high)
    return None


def _unit(quantity: Mapping[str, Any]) -> str:
    parts = (quantity.get(part) or "" for part in ("system", "code", "unit"))
    unit = "|".join(part.replace("|", " ") for part in parts)
    return "" if unit == "||" else unit


def _quantity(name: str, kind: str) -> Emit:
    def emit(value: Any, found: Found) -> None:
        if (range_ := quantity_of(kind, value)) is not None:
            found.quantities.append(QuantityRange(name, *range_))

    return emit
