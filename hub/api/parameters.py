"""What an operation is given: a Parameters resource, or simple values in the address.

https://hl7.org/fhir/R4/operations.html#request
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from flask import request

from fhir import jsontext
from fhir.outcomes import BadRequestError
from hub.api import limits, negotiation
from hub.api.interactions import query


class Given:
    """The parameters of one call. Every getter names the parameter that it cannot read."""

    def __init__(self, listed: list[Mapping[str, Any]]) -> None:
        self._listed = listed

    def __contains__(self, name: object) -> bool:
        return any(each.get("name") == name for each in self._listed)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self._listed)

    def only(self, *allowed: str) -> None:
        """Refuse parameters that the operation does not have."""
        for each in self._listed:
            if each.get("name") not in allowed:
                raise BadRequestError(
                    f"{each.get('name')} is no parameter here; valid: {', '.join(allowed)}",
                    expression=str(each.get("name")),
                )

    def one(self, name: str) -> Mapping[str, Any]:
        """Return the parameter, empty where it is absent; refuse it twice."""
        found = [each for each in self._listed if each.get("name") == name]
        if len(found) > 1:
            raise BadRequestError(f"{name} is given {len(found)} times", expression=name)
        return found[0] if found else {}

    def value(self, name: str, *kinds: str) -> Any:
        """Return ``value[x]`` of the parameter, x one of ``kinds``; None where it is absent."""
        found = self.one(name)
        if not found:
            return None
        for kind in kinds:
            member = f"value{kind[0].upper()}{kind[1:]}"
            if member in found:
                return found[member]
        raise BadRequestError(f"{name} is a {' or '.join(kinds)}", expression=name)

    def text(self, name: str) -> str | None:
        found = self.value(name, "string", "code", "uri", "canonical", "url", "id", "markdown")
        if found is not None and (not isinstance(found, str) or not found):
            raise BadRequestError(f"{name} is a text", expression=name)
        return found

    def needed(self, name: str) -> str:
        """Return a text that must be there."""
        found = self.text(name) if name in self else None
        if found is None:
            raise BadRequestError(f"the parameter {name} is missing", expression=name)
        return found

    def flag(self, name: str) -> bool | None:
        found = self.value(name, "boolean", "string")
        if found in (True, "true"):
            return True
        if found in (False, "false"):
            return False
        if found is None:
            return None
        raise BadRequestError(f"{name} is true or false", expression=name)

    def number(self, name: str) -> int | None:
        found = self.value(name, "integer", "positiveInt", "unsignedInt", "string")
        if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 10:
            found = int(found)
        if found is None or type(found) is int:
            return found
        raise BadRequestError(f"{name} is a whole number", expression=name)

    def instant(self, name: str) -> datetime | None:
        """Return a moment with its time zone."""
        found = self.value(name, "dateTime", "instant", "string")
        if found is None:
            return None
        try:
            moment = datetime.fromisoformat(str(found))
        except ValueError:
            raise BadRequestError(f"{name} is a dateTime", expression=name) from None
        if moment.tzinfo is None:
            raise BadRequestError(f"{name} needs its time zone", expression=name)
        return moment

    def resource(self, name: str) -> dict[str, Any] | None:
        found = self.one(name)
        if not found:
            return None
        resource = found.get("resource")
        if not isinstance(resource, dict):
            raise BadRequestError(f"{name} is a resource", expression=name)
        return resource


def given(*, alone: str | None = None) -> Given:
    """Read the parameters of this request: the address, and the body of a POST.

    Simple values of the address are read as ``valueString``; the getters take them for what
    they need. ``alone`` names the parameter that a body of another type is. Raises
    BadRequestError.
    """
    simple = [{"name": name, "valueString": value} for name, value in query()]
    if request.method != "POST":
        return Given(list(simple))
    negotiation.check_content_type()
    raw = limits.body()
    if not raw.strip():
        return Given(list(simple))
    body, _ = jsontext.parse(raw)
    if alone is not None and body.get("resourceType") != "Parameters":
        return Given([*simple, {"name": alone, "resource": body}])
    return Given([*simple, *of_resource(body)])


def of_resource(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the parameters of a Parameters resource."""
    if body.get("resourceType") != "Parameters":
        raise BadRequestError("this operation takes a Parameters resource", code="structure")
    listed = body.get("parameter", [])
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise BadRequestError("Parameters.parameter is a list", code="structure")
    return listed


def answer(*parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Build a Parameters resource."""
    built: dict[str, Any] = {"resourceType": "Parameters"}
    if parameters:
        built["parameter"] = list(parameters)
    return built
