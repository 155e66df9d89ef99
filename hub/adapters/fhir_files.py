"""Files of FHIR JSON: bundles and NDJSON, one entry after the other, references made literal."""

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from fhir import jsontext
from fhir.jsontext import Parsed
from fhir.outcomes import FHIRError

LINES = (".ndjson", ".jsonl")
SUFFIXES = (".json", *LINES)

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_OWN_IDS = uuid.UUID("f2a0c6de-9b5e-5c8e-8f35-1f6d9a1c7b44")
"""Namespace of the ids given to resources that bring none: the same resource, the same id."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource of a file, or what stands in its place."""

    number: int
    """Its position in the file, from 1."""
    size: int
    """Bytes of the file that it stands for."""
    type: str = ""
    id: str = ""
    value: dict[str, Any] | None = None
    text: str | None = None
    """The resource's own text where it stands alone in its line or file."""
    problem: str = ""
    """Why there is no resource to load."""

    @property
    def body(self) -> Parsed | dict[str, Any]:
        """The resource as ``hub.records`` takes it: with its own text, where it has one."""
        assert self.value is not None
        return self.value if self.text is None else Parsed(self.value, self.text)


def find(paths: Iterable[Path]) -> list[Path]:
    """Give the FHIR files among files and, recursively, in folders; in a fixed order."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def entries(path: Path) -> Iterator[Entry]:
    """Give the resources of a file; a bundle is split, each entry on its own."""
    if path.suffix in LINES:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield alone(number, line)
        return
    raw = path.read_bytes()
    entry = alone(1, raw)
    if entry.value is None or entry.type != "Bundle":
        yield entry
        return
    yield from _split(entry.value, len(raw))


def alone(number: int, raw: bytes) -> Entry:
    """Read a resource that stands alone in its line or file."""
    try:
        value, text = jsontext.parse(raw)
    except FHIRError as error:
        return Entry(number, len(raw), problem=str(error))
    return _entry(number, len(raw), value, text=text)


def _split(bundle: dict[str, Any], size: int) -> Iterator[Entry]:
    found = bundle.get("entry") or []
    share = size // max(1, len(found))
    literal = {}
    for item in found:
        resource = item.get("resource") if isinstance(item, dict) else None
        if isinstance(resource, dict) and isinstance(item.get("fullUrl"), str):
            full_url = item["fullUrl"]
            resource_id = _id_of(resource, full_url)
            literal[full_url] = f"{resource.get('resourceType')}/{resource_id}"
    for number, item in enumerate(found, 1):
        resource = item.get("resource") if isinstance(item, dict) else None
        if not isinstance(resource, dict):
            yield Entry(number, share, problem="the bundle's entry holds no resource")
            continue
        full_url = item.get("fullUrl")
        resource_id = _id_of(resource, full_url if isinstance(full_url, str) else "")
        make_literal(resource, literal)
        yield _entry(number, share, resource, resource_id=resource_id)


def _entry(
    number: int,
    size: int,
    value: dict[str, Any],
    *,
    text: str | None = None,
    resource_id: str = "",
) -> Entry:
    resource_type = value.get("resourceType")
    if not isinstance(resource_type, str):
        return Entry(number, size, problem="resourceType is missing")
    return Entry(number, size, resource_type, resource_id or _id_of(value, ""), value, text)


def _id_of(resource: dict[str, Any], full_url: str) -> str:
    given = resource.get("id")
    if isinstance(given, str) and _ID.fullmatch(given):
        return given
    name = full_url.removeprefix("urn:uuid:").lower()
    if full_url.startswith("urn:uuid:") and _ID.fullmatch(name):
        return name
    return str(uuid.uuid5(_OWN_IDS, full_url or jsontext.dumps(resource)))


def make_literal(node: Any, literal: dict[str, str]) -> None:
    """Replace references by fullUrl with literal ones, in place.

    A reference by search (``Practitioner?identifier=system|value``) has no meaning outside a
    transaction (https://hl7.org/fhir/R4/http.html#trules): it becomes a logical one.
    """
    if isinstance(node, list):
        for child in node:
            make_literal(child, literal)
        return
    if not isinstance(node, dict):
        return
    reference = node.get("reference")
    if isinstance(reference, str):
        if reference in literal:
            node["reference"] = literal[reference]
        elif "?" in reference:
            _make_logical(node, reference)
    for child in node.values():
        if isinstance(child, dict | list):
            make_literal(child, literal)


def _make_logical(node: dict[str, Any], reference: str) -> None:
    resource_type, _, query = reference.partition("?")
    tokens = parse_qs(query).get("identifier")
    if not tokens or "identifier" in node:
        return
    system, bar, value = tokens[0].rpartition("|")
    del node["reference"]
    node["type"] = resource_type
    node["identifier"] = {"system": system, "value": value} if bar else {"value": value}
