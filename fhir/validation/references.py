"""Reference.reference: its form and the type it points at.

https://hl7.org/fhir/R4/references.html#literal
"""

import re

from fhir import registry

_literal = re.compile(
    r"(?:(?P<base>https?://[^\s?#]*?)/)?(?P<type>[A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}"
    r"(?:/_history/[A-Za-z0-9\-.]{1,64})?(?:#.*)?"
).fullmatch
_conditional = re.compile(r"([A-Z][A-Za-z]+)\?.").match
_absolute = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:").match


def known_types() -> frozenset[str]:
    return registry.resource_types()


def is_absolute(uri: str) -> bool:
    return _absolute(uri) is not None


def target_type(reference: str) -> str | None:
    """Return the type a literal reference points at, as far as its text tells."""
    found = _literal(reference)
    if found:
        return found["type"] if found["type"] in known_types() else None
    conditional = _conditional(reference)
    if conditional and conditional[1] in known_types():
        return conditional[1]
    return None


def is_well_formed(reference: str) -> bool:
    """Say whether it is ``Type/id``, ``#id``, a search of a type, or some other address.

    ``Foo/1`` names no type of R4; ``denom-1`` is no address at all.
    """
    if reference[0] == "#" or _absolute(reference) or target_type(reference):
        return True
    return "/" in reference and _literal(reference) is None
