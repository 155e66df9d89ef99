"""Entries of a transaction or batch bundle, each with the client's own text of its resource."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]  # the C string scanner
from typing import Any
from urllib.parse import urlsplit

from fhir import jsontext
from fhir.bundle.addresses import parameters
from fhir.outcomes import BadRequestError, InvalidResourceError
from fhir.recurring import kept
from fhir.validation import validate

_ORDER = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3, "HEAD": 3}
_URL = re.compile(
    r"(?P<type>[A-Z][A-Za-z]*)?(?:/?(?P<id>[^/$_?][^/?]*))?"
    r"(?:/(?P<member>[A-Z][A-Za-z]*|\*)"
    r"|(?P<history>/?_history)(?:/(?P<version>[^/?]+))?|/?\$(?P<operation>[A-Za-z][\w\-]*))?"
).fullmatch
_CONDITIONS = {
    # A condition on an interaction that does not have it would be silently ignored.
    "ifMatch": frozenset({"PUT", "PATCH", "DELETE"}),
    "ifNoneExist": frozenset({"POST"}),
    "ifNoneMatch": frozenset({"GET", "HEAD", "PUT"}),
    "ifModifiedSince": frozenset({"GET", "HEAD"}),
}
_OF_ONE_RECORD = frozenset({"ifNoneMatch", "ifModifiedSince"})


@dataclass(slots=True)
class Entry:
    """What one entry asks for.

    Not frozen: a frozen one sets each of its fields through object.__setattr__, at four times the
    cost, and a bundle has a thousand.
    """

    index: int
    method: str
    url: str
    type: str | None
    id: str | None
    version: str | None
    """The version of a vread; empty string: the history."""
    member: str | None
    """What is searched in the compartment of ``type`` and ``id``: a type, or ``*``."""
    params: tuple[tuple[str, str], ...]
    text: str | None
    """The client's JSON of the resource: good JSON, decoded strictly when it is written."""
    full_url: str | None
    if_match: str | None
    if_none_exist: str | None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    operation: str | None = None
    """The name of the operation that is called, without its ``$``."""

    @property
    def expression(self) -> str:
        return f"Bundle.entry[{self.index}]"


def read(raw: bytes | str) -> tuple[dict[str, Any], list[Entry]]:
    """Return a bundle without its resources, and its entries with them.

    The bundle is checked without its resources: each is checked when it is written. Raises
    InvalidResourceError, or BadRequestError that names the entry.
    """
    value, texts = _parts(raw)
    if value.get("resourceType") != "Bundle" or value.get("type") not in {"transaction", "batch"}:
        raise BadRequestError(
            "send a Bundle of type transaction or batch", expression="Bundle.type"
        )
    entries = value.get("entry", [])
    if isinstance(entries, list):
        for index, entry in enumerate(entries):
            if isinstance(entry, dict) and "request" not in entry:
                at = f"Bundle.entry[{index}].request"
                raise BadRequestError(f"{at} is required", code="required", expression=at)
    faults = validate(value)
    if faults:
        raise InvalidResourceError(faults)
    return value, [_entry(i, entry, texts.get(i)) for i, entry in enumerate(entries)]


def in_order(entries: list[Entry]) -> list[Entry]:
    """Return the entries in the order of a transaction: DELETE, POST, PUT, GET."""
    return sorted(entries, key=lambda entry: _ORDER[entry.method])


@kept(1024)
def _address(url: str) -> tuple[re.Match[str] | None, tuple[tuple[str, str], ...]]:
    """Return what an entry's address names, and its search parameters."""
    address = urlsplit(url)
    path = re.sub(r"^.*/fhir/?(?=[A-Z]|$)", "", address.path) if address.scheme else address.path
    return _URL(path.strip("/")), tuple(parameters(address.query))


def _entry(index: int, entry: dict[str, Any], text: str | None) -> Entry:
    request = entry["request"]
    url: str = request["url"]
    found, params = _address(url)
    at = f"Bundle.entry[{index}]"
    if found is None:
        raise BadRequestError(
            "must be a type, a record, a version or a search of this server",
            expression=f"{at}.request.url",
            code="not-supported",
        )
    method: str = request["method"]
    if found["member"] and method not in {"GET", "HEAD"}:
        raise BadRequestError(
            f"{method} goes to a type or a record",
            expression=f"{at}.request.url",
            code="not-supported",
        )
    if method in {"POST", "PUT", "PATCH"} and text is None and found["operation"] is None:
        raise BadRequestError(f"{method} needs a resource", expression=f"{at}.resource")
    for name, methods in _CONDITIONS.items():
        if name in request and method not in methods:
            raise BadRequestError(
                f"{name} goes with {' or '.join(sorted(methods))}, not with {method}",
                expression=f"{at}.request.{name}",
                code="not-supported",
            )
        if name in _OF_ONE_RECORD and name in request and found["id"] is None:
            raise BadRequestError(
                f"{name} goes with the address of a record",
                expression=f"{at}.request.{name}",
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
        member=found["member"],
        params=params,
        text=text,
        full_url=entry.get("fullUrl"),
        if_match=request.get("ifMatch"),
        if_none_exist=request.get("ifNoneExist"),
        if_none_match=request.get("ifNoneMatch"),
        if_modified_since=request.get("ifModifiedSince"),
        operation=found["operation"],
    )


# Reading the text once -----------------------------------------------------------------------


def _parts(raw: bytes | str) -> tuple[dict[str, Any], dict[int, str]]:
    """Return the bundle without the resources of its entries, and those by the entry's place.

    They are only passed over here: what they say is read when their references are resolved.
    """
    text = jsontext.readable(raw)
    texts: dict[int, str] = {}
    try:
        value, end = _bundle(text, texts)
    except (ValueError, IndexError) as error:
        # Not what it should be: the decoder says where.
        jsontext.parse(raw)
        raise BadRequestError("the body is not JSON", code="structure") from error
    if end != len(text):
        raise BadRequestError("the body holds more than one JSON object", code="structure")
    return value, texts


def _bundle(text: str, texts: dict[int, str]) -> tuple[dict[str, Any], int]:
    def member(name: str, position: int) -> tuple[Any, int]:
        if name != "entry" or text[position] != "[":
            return jsontext.decode_any(text, position)
        entries: list[Any] = []
        opened = _opened_list(text, position)
        assert opened is not None
        position, mark = opened.end(), opened[1]
        while not mark:
            found, position = _entry_at(text, position, len(entries), texts)
            entries.append(found)
            position, mark = _after(text, position, "]")
        return entries, position

    return _object(text, 0, member)


def _entry_at(text: str, position: int, index: int, texts: dict[int, str]) -> tuple[Any, int]:
    def member(name: str, start: int) -> tuple[Any, int]:
        if name == "resource" and text[start] == "{":
            end = jsontext.end_of(text, start)
            texts[index] = jsontext.storable(text[start:end])
            return _TAKEN, end
        return jsontext.decode_any(text, start)

    if text[position] != "{":
        return jsontext.decode_any(text, position)
    return _object(text, position, member)


_TAKEN = object()
"""Stands for a value that has been taken out of its object."""

# One match for a name and its colon, one for what follows a value: a bundle has hundreds of each.
_S = r"[ \t\n\r]*"
_opened_object = re.compile(rf"\{{{_S}(\}}?)").match
_opened_list = re.compile(rf"\[{_S}(\]?)").match
_name = re.compile(rf'"((?:[^"\\\x00-\x1f]++|\\.)*+)"{_S}:{_S}').match
_mark = re.compile(rf"{_S}([,\]}}]){_S}").match


def _object(
    text: str, position: int, member: Callable[[str, int], tuple[Any, int]]
) -> tuple[dict[str, Any], int]:
    """Read the object at ``position``; ``member`` reads the value of each of its names."""
    opened = _opened_object(text, position)
    if opened is None:
        raise ValueError(text[:1])
    found: dict[str, Any] = {}
    seen: set[str] = set()
    position, mark = opened.end(), opened[1]
    while not mark:
        named = _name(text, position)
        if named is None:
            raise ValueError(position)
        name = named[1]
        if "\\" in name:
            name, _ = scanstring(text, position + 1, True)
        if name in seen:
            raise BadRequestError(f"the JSON member {name!r} appears twice", code="structure")
        seen.add(name)
        value, position = member(name, named.end())
        if value is not _TAKEN:
            found[name] = value
        position, mark = _after(text, position, "}")
    return found, position


def _after(text: str, position: int, closing: str) -> tuple[int, str]:
    """Return where the next element stands, or behind the closing bracket, and that bracket."""
    found = _mark(text, position)
    if found is None:
        raise ValueError(position)
    if found[1] == ",":
        return found.end(), ""
    if found[1] != closing:
        raise ValueError(position)
    return found.end(1), closing
