"""What a resource's text refers to, found without parsing it.

https://hl7.org/fhir/R4/references.html: literal references, and Attachments that lie in a Binary.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from fhir.jsontext import dumps, loads

# Inside a string every quote is escaped, so that these are members of the resource itself. A value
# with an escaped quote is cut short here; no reference to one of our records has one.
_references = re.compile(r'"reference"\s*+:\s*+"([^"]*+)"').findall
_binaries = re.compile(r'"url"\s*+:\s*+"(Binary[^"]*+)"').findall
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


def redirected(text: str, old: str, new: str) -> str:
    """Return a resource's text with its references to ``old`` (``Type/id``) saying ``new``.

    Also those to a version of it. Everything else keeps its text.
    """
    resource_type, _, record_id = old.partition("/")
    pattern = re.compile(
        rf'("reference"\s*:\s*"){resource_type}\\?/{re.escape(record_id)}'
        r'(?:\\?/_history\\?/[^"\\/]*)?"'
    )
    found = pattern.sub(lambda match: f'{match[1]}{new}"', text)
    if record_id not in mentioned([found]).get(resource_type, ()):
        return found
    # Written with escapes such as \u0050.
    return dumps(_redirected(loads(found), old, new))


def _redirected(value: Any, old: str, new: str) -> Any:
    if isinstance(value, list):
        return [_redirected(each, old, new) for each in value]
    if not isinstance(value, dict):
        return value
    changed = {name: _redirected(each, old, new) for name, each in value.items()}
    target = changed.get("reference")
    if isinstance(target, str) and target.partition("/_history/")[0] == old:
        changed["reference"] = new
    return changed
