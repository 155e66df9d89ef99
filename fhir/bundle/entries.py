"""Entries of a transaction or batch bundle, each with the client's own text of its resource."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from json import JSONDecoder
from typing import Any
from urllib.parse import urlsplit

from fhir import jsontext
from fhir.bundle.addresses import parameters
from fhir.outcomes import BadRequestError, InvalidResourceError
from fhir.validation import validate

_ORDER = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3, "HEAD": 3}
_URL = re.compile(
    r"(?P<type>[A-Z][A-Za-z]*)?(?:/?(?P<id>[^/$_?][^/?]*))?(?P<history>/?_history)?"
    r"(?:/(?P<version>[^/?]+))?"
).fullmatch
_space = re.compile(r"[ \t\n\r]*").match
_decoder = JSONDecoder()


@dataclass(frozen=True, slots=True)
class Entry:
    """What one entry asks for."""

    index: int
    method: str
    url: str
    type: str | None
    id: str | None
    version: str | None
    """The version of a vread; empty string: the history."""
    params: tuple[tuple[str, str], ...]
    text: str | None
    """The client's JSON of the resource."""
    full_url: str | None
    if_match: str | None
    if_none_exist: str | None

    @property
    def expression(self) -> str:
        return f"Bundle.entry[{self.index}]"


def read(value: dict[str, Any], text: str) -> list[Entry]:
    """Return the entries of a bundle that ``jsontext.parse`` gave as (value, text).

    The bundle is checked without its resources: each is checked when it is written. Raises
    InvalidResourceError, or BadRequestError that names the entry.
    """
    if value.get("resourceType") != "Bundle" or value.get("type") not in {"transaction", "batch"}:
        raise BadRequestError(
            "send a Bundle of type transaction or batch", expression="Bundle.type"
        )
    entries = value.get("entry", [])
    if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
        for index, entry in enumerate(entries):
            if "request" not in entry:
                at = f"Bundle.entry[{index}].request"
                raise BadRequestError(f"{at} is required", code="required", expression=at)
        shell = [{k: v for k, v in entry.items() if k != "resource"} for entry in entries]
        value = {**value, **({"entry": shell} if "entry" in value else {})}
    faults = validate(value)
    if faults:
        raise InvalidResourceError(faults)
    texts = list(_resource_texts(text))
    return [_entry(i, entry, texts[i]) for i, entry in enumerate(entries)]


def in_order(entries: list[Entry]) -> list[Entry]:
    """Return the entries in the order of a transaction: DELETE, POST, PUT, GET."""
    return sorted(entries, key=lambda entry: _ORDER[entry.method])


def _entry(index: int, entry: dict[str, Any], text: str | None) -> Entry:
    request = entry["request"]
    url: str = request["url"]
    address = urlsplit(url)
    path = re.sub(r"^.*/fhir/(?=[A-Z])", "", address.path) if address.scheme else address.path
    found = _URL(path.strip("/"))
    at = f"Bundle.entry[{index}]"
    if found is None or (found["version"] and not found["history"]):
        raise BadRequestError(
            "must be a type, a record, a version or a search of this server",
            expression=f"{at}.request.url",
            code="not-supported",
        )
    method: str = request["method"]
    if method in {"POST", "PUT"} and text is None:
        raise BadRequestError(f"{method} needs a resource", expression=f"{at}.resource")
    if method == "PATCH":
        raise BadRequestError(
            "PATCH in a bundle is not supported: send PUT",
            expression=f"{at}.request.method",
            code="not-supported",
        )
    version = found["version"] or ("" if found["history"] else None)
    return Entry(
        index=index,
        method=method,
        url=url,
        type=found["type"],
        id=found["id"],
        version=version,
        params=tuple(parameters(address.query)),
        text=text,
        full_url=entry.get("fullUrl"),
        if_match=request.get("ifMatch"),
        if_none_exist=request.get("ifNoneExist"),
    )


def _resource_texts(text: str) -> Iterator[str | None]:
    """Yield the text of each entry's resource, as the client wrote it."""
    entries = dict(jsontext.members(text)).get("entry")
    for entry in _elements(entries) if entries else ():
        yield dict(jsontext.members(entry)).get("resource")


def _elements(text: str) -> Iterator[str]:
    """Yield the text of each element of a JSON array."""
    position = _space(text, 1).end()  # type: ignore[union-attr]
    while text[position] != "]":
        _, end = _decoder.raw_decode(text, position)
        yield text[position:end]
        position = _space(text, end).end()  # type: ignore[union-attr]
        if text[position] == ",":
            position = _space(text, position + 1).end()  # type: ignore[union-attr]
