"""Search values made of what the official expressions yield: some must find, some must not.

Written from https://hl7.org/fhir/R4/search.html alone, not from the index it tests.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from fhir.registry.search_parameters import SearchParameter

_STRANGER = "zzqx"


class Probe(NamedTuple):
    name: str
    value: str
    finds: bool


def escaped(value: str) -> str:
    return re.sub(r"([,|$\\])", r"\\\1", value)


def probes(parameter: SearchParameter, values: list[Any]) -> Iterator[Probe]:
    """Yield searches for a resource whose parameter has these values."""
    code = parameter.code
    yield Probe(f"{code}:missing", "false", finds=True)
    yield Probe(f"{code}:missing", "true", finds=False)
    for value in values:
        match parameter.kind:
            case "token":
                yield from _token(parameter, value)
            case "reference":
                yield from _reference(parameter, value)
            case "string":
                yield from _string(parameter, value)
            case "uri":
                yield from _uri(code, value)
            case "date":
                yield from _date(code, value, alone=len(values) == 1)
            case "number" | "quantity":
                yield from _quantity(parameter, value, alone=len(values) == 1)


def tokens(kinds: frozenset[str], value: Any) -> Iterator[tuple[str | None, str]]:
    """Yield (system, code) of a value; the system is None where the type has none."""
    if isinstance(value, bool):
        yield None, str(value).lower()
    elif isinstance(value, str):
        yield None, value
    elif "coding" in value:
        for coding in value["coding"]:
            if "code" in coding:
                yield coding.get("system", ""), coding["code"]
    elif "code" in value:
        yield value.get("system", ""), value["code"]
    elif "value" in value and "ContactPoint" in kinds:
        yield None, value["value"]
    elif "value" in value and "Identifier" in kinds:
        yield value.get("system", ""), value["value"]


def _token(parameter: SearchParameter, value: Any) -> Iterator[Probe]:
    code = parameter.code
    for system, text in tokens(parameter.types, value):
        plain = escaped(text)
        yield Probe(code, plain, finds=True)
        yield Probe(code, f"{_STRANGER},{plain}", finds=True)
        yield Probe(code, plain + _STRANGER, finds=False)
        yield Probe(f"{code}:not", f"{_STRANGER},{plain}", finds=False)
        yield Probe(f"{code}:not", plain + _STRANGER, finds=True)
        if system is not None:
            yield Probe(code, f"{escaped(system)}|{plain}", finds=True)
            yield Probe(code, f"http://{_STRANGER}.example|{plain}", finds=False)
            if system:
                yield Probe(code, f"{escaped(system)}|", finds=True)
        elif parameter.systems:
            yield Probe(code, f"{parameter.systems[0]}|{plain}", finds=True)
            yield Probe(code, f"{parameter.systems[0]}|", finds=True)
            yield Probe(code, f"http://{_STRANGER}.example|{plain}", finds=False)


def _reference(parameter: SearchParameter, value: Any) -> Iterator[Probe]:
    code = parameter.code
    if isinstance(value, str):
        yield Probe(code, escaped(value), finds=True)
        yield Probe(code, escaped(value) + _STRANGER, finds=False)
        return
    target = value.get("reference", "")
    if target and not target.startswith("#"):
        target = target.partition("/_history/")[0]
        yield Probe(code, escaped(target), finds=True)
        yield Probe(code, escaped(target) + _STRANGER, finds=False)
        match = re.fullmatch(r"([A-Z]\w+)/([A-Za-z0-9.-]+)", target)
        if match and match[1] in parameter.targets:
            yield Probe(code, match[2], finds=True)
            yield Probe(f"{code}:{match[1]}", match[2], finds=True)
            yield Probe(f"{code}:{match[1]}", match[2] + _STRANGER, finds=False)
    identifier = value.get("identifier", {})
    if "value" in identifier:
        text = f"{escaped(identifier.get('system', ''))}|{escaped(identifier['value'])}"
        yield Probe(f"{code}:identifier", text, finds=True)
        yield Probe(f"{code}:identifier", text + _STRANGER, finds=False)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        return
    for name in ("text", "family", "given", "line", "city", "district", "state", "postalCode"):
        part = value.get(name, [])
        yield from part if isinstance(part, list) else [part]


def _string(parameter: SearchParameter, value: Any) -> Iterator[Probe]:
    code = parameter.code
    for text in _texts(value):
        stripped = " ".join(text.split())
        if not stripped:
            continue
        yield Probe(code, escaped(stripped), finds=True)
        if code == "phonetic":
            continue
        yield Probe(code, escaped(stripped[:3].upper()), finds=True)
        yield Probe(code, _STRANGER + escaped(stripped), finds=False)
        yield Probe(f"{code}:exact", escaped(text), finds=True)
        yield Probe(f"{code}:exact", escaped(text) + _STRANGER, finds=False)
        if len(stripped) > 4:
            yield Probe(f"{code}:contains", escaped(stripped[2:]), finds=True)
            yield Probe(f"{code}:contains", escaped(stripped[1:-1]).swapcase(), finds=True)


def _uri(code: str, value: str) -> Iterator[Probe]:
    yield Probe(code, escaped(value), finds=True)
    yield Probe(code, escaped(value) + _STRANGER, finds=False)
    yield Probe(f"{code}:below", escaped(value.rpartition("/")[0] or value), finds=True)
    yield Probe(f"{code}:above", escaped(f"{value}/{_STRANGER}"), finds=True)


def _date(code: str, value: Any, *, alone: bool) -> Iterator[Probe]:
    if isinstance(value, dict):
        start, end = value.get("start"), value.get("end")
        if start:
            yield Probe(code, f"ge{start}", finds=True)
            yield from [Probe(code, f"eb{start}", finds=False)] if alone else []
        if end:
            yield Probe(code, f"le{end}", finds=True)
            yield from [Probe(code, f"sa{end}", finds=False)] if alone else []
        return
    if not value[:4].isdigit():
        # Immunization.occurrenceString: words, which no date search can find.
        return
    year = int(value[:4])
    later, earlier = f"{year + 1:04d}{value[4:]}", f"{year - 1:04d}{value[4:]}"
    if value[5:10] == "02-29":
        later, earlier = f"{year + 1:04d}", f"{year - 1:04d}"
    finding = [
        value,
        value[:4],
        f"ge{value}",
        f"le{value}",
        f"ne{later}",
        f"lt{later}",
        f"gt{earlier}",
        f"sa{earlier}",
        f"eb{later}",
        f"ap{value}",
    ]
    for text in finding:
        yield Probe(code, text, finds=True)
    if alone:
        for text in (
            later,
            earlier,
            f"gt{value}",
            f"lt{value}",
            f"ne{value}",
            f"sa{value}",
            f"eb{value}",
            f"ge{later}",
            f"le{earlier}",
        ):
            yield Probe(code, text, finds=False)


def _quantity(parameter: SearchParameter, value: Any, *, alone: bool) -> Iterator[Probe]:
    code = parameter.code
    if isinstance(value, dict) and "value" not in value:
        return
    number = value["value"] if isinstance(value, dict) else value
    unit = ""
    if isinstance(value, dict) and value.get("code"):
        unit = f"|{escaped(value.get('system', ''))}|{escaped(value['code'])}"
        yield Probe(code, f"{number}|http://{_STRANGER}.example|{value['code']}", finds=False)
        yield Probe(code, f"{number}||{escaped(value['code'])}", finds=True)
    more = Decimal(number) + abs(Decimal(number)) + 1
    less = Decimal(number) - abs(Decimal(number)) - 1
    comparator = value.get("comparator", "") if isinstance(value, dict) else ""
    if comparator:
        return
    for text in (
        number,
        f"ge{number}",
        f"le{number}",
        f"gt{less}",
        f"lt{more}",
        f"ne{more}",
        f"sa{less}",
        f"eb{more}",
        f"ap{number}",
    ):
        yield Probe(code, f"{text}{unit}", finds=True)
    if alone:
        for text in (more, f"gt{number}", f"lt{number}", f"ne{number}", f"ge{more}"):
            yield Probe(code, f"{text}{unit}", finds=False)
