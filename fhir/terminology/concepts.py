"""What a code system says of one code: words, properties, whether it may be chosen.

https://hl7.org/fhir/R4/codesystem.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Designation:
    """Other words for a concept: in another language, or for another use."""

    value: str
    language: str | None = None
    use: Mapping[str, Any] | None = None
    """A Coding."""

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.language:
            found["language"] = self.language
        if self.use:
            found["use"] = dict(self.use)
        return {**found, "value": self.value}


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a concept."""

    code: str
    member: str
    """``valueCode``, ``valueBoolean`` ...: the member that holds the value in JSON."""
    value: Any
    description: str | None = None

    @property
    def text(self) -> str:
        """The value as a filter compares it."""
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        if isinstance(self.value, Mapping):
            return str(self.value.get("code", ""))
        return str(self.value)


@dataclass(frozen=True, slots=True)
class Concept:
    code: str
    display: str | None = None
    definition: str | None = None
    designations: tuple[Designation, ...] = ()
    properties: tuple[Property, ...] = ()
    abstract: bool = False
    """For navigation only: nobody may choose it."""
    inactive: bool = False

    def words(self) -> Iterator[str]:
        """Yield everything that the concept is called."""
        if self.display:
            yield self.display
        yield from (each.value for each in self.designations)

    def shown(self, language: str | None) -> str | None:
        """Return the display in a language where there is one, else the code system's own."""
        if language:
            for each in self.designations:
                if each.language and _speaks(each.language, language):
                    return each.value
        return self.display


def _speaks(spoken: str, wanted: str) -> bool:
    """Say whether ``en-GB`` answers who asks for ``en``; regions are not mixed up."""
    said, asked = spoken.lower(), wanted.lower()
    return said == asked or said.startswith(f"{asked}-")


def designations(listed: Any) -> tuple[Designation, ...]:
    """Read ``designation`` of a CodeSystem or a ValueSet."""
    return tuple(
        Designation(each["value"], each.get("language"), each.get("use"))
        for each in listed or ()
        # R4 allows an extension in the place of any value, such as the reason why it is absent.
        if "value" in each
    )
