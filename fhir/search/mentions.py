"""What a resource's text refers to, found without parsing it.

https://hl7.org/fhir/R4/references.html: literal references, and Attachments that lie in a Binary.
"""

import json
import re
from collections.abc import Iterable

# Inside a string every quote is escaped, so that these are members of the resource itself. A value
# with an escaped quote is cut short here; no reference to one of our records has one.
_references = re.compile(r'"reference"\s*:\s*"([^"]*)"').findall
_binaries = re.compile(r'"url"\s*:\s*"(Binary[^"]*)"').findall
_local = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?").fullmatch


def mentioned(texts: Iterable[str]) -> dict[str, set[str]]:
    """Return the records that the texts refer to: type -> ids.

    An absolute address is somebody else's record, ``#id`` a contained one.
    """
    text = "\n".join(texts)
    values = set(_references(text))
    if '"Binary' in text:
        values.update(_binaries(text))
    found: dict[str, set[str]] = {}
    for value in values:
        target = _plain(value) if "\\" in value else value
        if local := _local(target):
            resource_type, record_id = local.groups()
            found.setdefault(resource_type, set()).add(record_id)
    return found


def _plain(value: str) -> str:
    """Return a string without its escapes."""
    try:
        plain: str = json.loads(f'"{value}"')
    except ValueError:
        return ""
    return plain
