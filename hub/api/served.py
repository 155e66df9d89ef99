"""What the API serves, read from the routes themselves: each address, method and interaction.

The CapabilityStatement and the OpenAPI document are made from this, so that neither promises what
has no route, nor hides one. https://hl7.org/fhir/R4/http.html#summary
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from werkzeug.routing import Map, Rule

from fhir.registry import SUPPORTED_TYPES, UNSTORED_TYPES
from hub.api.operations import ENDPOINTS, Operation
from hub.api.site import PREFIX
from hub.api.writes import WRITTEN_ONCE

REFUSING = frozenset({"fhir.unknown", "messaging.wrong_method"})
"""Endpoints that say in FHIR's words that there is nothing at their address."""

_AUTOMATIC = frozenset({"HEAD", "OPTIONS"})
"""Methods that every address has by itself: HEAD is GET without the body."""

_variable = re.compile(r"<(?:([a-z]+):)?([a-z_]+)>")
_SHORT = {"resource_type": "type", "record_id": "id"}
_EACH = "/[type]"
"""How a shape begins that is there for each type; a type further on is a variable of its own."""

_CODES: dict[tuple[str, str], str] = {
    ("GET", "/[type]/[id]"): "read",
    ("GET", "/[type]/[id]/_history/[version]"): "vread",
    ("PUT", "/[type]/[id]"): "update",
    ("PATCH", "/[type]/[id]"): "patch",
    ("DELETE", "/[type]/[id]"): "delete",
    ("GET", "/[type]/[id]/_history"): "history-instance",
    ("GET", "/[type]/_history"): "history-type",
    ("POST", "/[type]"): "create",
    ("GET", "/[type]"): "search-type",
    ("POST", "/[type]/_search"): "search-type",
    ("PUT", "/[type]"): "update",
    ("PATCH", "/[type]"): "patch",
    ("DELETE", "/[type]"): "delete",
    ("POST", ""): "transaction",
    ("GET", "/_history"): "history-system",
    ("GET", ""): "search-system",
    ("POST", "/_search"): "search-system",
}
"""Method and shape of an address -> code of https://hl7.org/fhir/R4/valueset-type-restful-interaction.html."""


@dataclass(frozen=True, slots=True)
class Served:
    """A method at an address that a view answers."""

    method: str
    shape: str
    """``/[type]/[id]``: the rule below the prefix, its variables in brackets."""
    endpoint: str
    type: str | None = None
    """The one type that the address names; None: any type, or none."""

    @property
    def code(self) -> str | None:
        """The interaction of the standard, None where the standard has none."""
        return _CODES.get((self.method, self.shape))

    @property
    def conditional(self) -> bool:
        """Whether an update, patch or delete goes to what a search finds."""
        return self.shape == "/[type]" and self.method in {"PUT", "PATCH", "DELETE"}

    @property
    def operation(self) -> Operation | None:
        """The operation that is called here."""
        return ENDPOINTS.get(self.endpoint)

    @property
    def types(self) -> tuple[str | None, ...]:
        """The types it is served for; (None,) where the address has none."""
        if self.type is not None:
            return (self.type,)
        if not self.shape.startswith(_EACH):
            return (None,)
        return tuple(each for each in SUPPORTED_TYPES if not self._refused(each))

    def _refused(self, resource_type: str) -> bool:
        return resource_type in WRITTEN_ONCE and self.code in {"update", "patch", "delete"}

    def path(self, resource_type: str | None) -> str:
        """Return the address as OpenAPI writes it: ``/fhir/Patient/{id}``."""
        shape = self.shape.replace("[type]", resource_type) if resource_type else self.shape
        return PREFIX + shape.replace("[", "{").replace("]", "}")


def served(routes: Map) -> Iterator[Served]:
    """Yield every method of every address below the prefix."""
    for rule in sorted(routes.iter_rules(), key=lambda each: each.rule):
        if not rule.rule.startswith(PREFIX) or rule.endpoint in REFUSING:
            continue
        for method in sorted((rule.methods or set()) - _AUTOMATIC):
            yield _served(rule, method)


def _served(rule: Rule, method: str) -> Served:
    shape = _variable.sub(
        lambda found: f"[{_SHORT.get(found[2], found[2])}]", rule.rule.removeprefix(PREFIX)
    )
    first = shape.split("/")[1] if "/" in shape else ""
    named = first if first in {*SUPPORTED_TYPES, *UNSTORED_TYPES} else None
    if named:
        shape = shape.replace(named, "[type]", 1)
    return Served(method, shape, str(rule.endpoint), named)


def interactions(routes: Map, resource_type: str | None) -> list[str]:
    """Return the codes of the interactions with a type, or with the whole system (None)."""
    found = {
        each.code
        for each in served(routes)
        if each.code and not each.conditional and resource_type in each.types
    }
    if "transaction" in found:
        found.add("batch")
    order = [*dict.fromkeys(_CODES.values()), "batch"]
    return [code for code in order if code in found]


def conditional(routes: Map, code: str) -> bool:
    """Say whether an interaction can go to what a search finds."""
    return any(each.conditional and each.code == code for each in served(routes))
