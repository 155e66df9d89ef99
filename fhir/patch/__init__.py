"""Patches of a resource: JSON Patch (RFC 6902) and FHIRPath Patch, and the way back: a diff.

https://hl7.org/fhir/R4/http.html#patch. Only what a patch names changes: numbers keep their
digits, members that it does not touch their text.
"""

from typing import Any, Protocol

from fhir.patch import exact
from fhir.patch.diff import difference
from fhir.patch.fhirpath_patch import FHIRPathPatch
from fhir.patch.fhirpath_patch import read as read_fhirpath_patch
from fhir.patch.json_patch import JSONPatch, with_values
from fhir.patch.json_patch import read as read_json_patch

__all__ = [
    "FHIRPathPatch",
    "JSONPatch",
    "Patch",
    "difference",
    "patched",
    "read_fhirpath_patch",
    "read_json_patch",
    "with_values",
]


class Patch(Protocol):
    """What can be done to a resource."""

    def apply(self, resource: dict[str, Any]) -> dict[str, Any]: ...


def patched(text: str, patch: Patch) -> str:
    """Return the text of a resource after a patch."""
    return exact.render(text, patch.apply(exact.loads(text)))
