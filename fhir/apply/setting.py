"""For whom, by whom and when a definition is applied."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fhir.expressions import condition, evaluate, text_of

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a definition is applied to."""

    subject: Resource
    at: datetime
    find: Callable[[str], Resource | None]
    """Canonical address -> definition, or None."""
    encounter: Resource | None = None
    practitioner: Resource | None = None
    organization: Resource | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further variables of expressions: ``userType``, ``setting`` ..."""

    @property
    def _variables(self) -> dict[str, Any]:
        known = {
            "subject": self.subject,
            "patient": self.subject if self.subject["resourceType"] == "Patient" else [],
            "encounter": self.encounter or [],
            "practitioner": self.practitioner or [],
            "organization": self.organization or [],
        }
        return known | dict(self.more)

    def holds(self, expression: Mapping[str, Any] | None, where: str) -> bool:
        """Say whether a condition is true of the subject."""
        text = text_of(expression, where)
        return condition(text, self.subject, self._variables, at=self.at, where=where)

    def value(self, expression: Mapping[str, Any] | None, where: str) -> list[Any]:
        """Return what a dynamic value is for the subject."""
        text = text_of(expression, where)
        return evaluate(text, self.subject, self._variables, at=self.at, where=where)

    @property
    def author(self) -> dict[str, str] | None:
        """The practitioner, else the organisation, as a Reference."""
        return reference(self.practitioner) or reference(self.organization)


def reference(resource: Mapping[str, Any] | None) -> dict[str, str] | None:
    if resource is None:
        return None
    return {"reference": f"{resource['resourceType']}/{resource['id']}"}


def canonical(definition: Mapping[str, Any]) -> str | None:
    """Return the address of a definition with its version."""
    url: str | None = definition.get("url")
    if url and "version" in definition:
        return f"{url}|{definition['version']}"
    return url


def filled(elements: Mapping[str, Any]) -> Resource:
    """Return the elements that have a value."""
    return {name: value for name, value in elements.items() if value not in (None, [], {})}
