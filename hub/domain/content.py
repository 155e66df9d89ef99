"""Code lists, forms and plan sections as data. Part of the hub definition."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Concept:
    code: str
    display: str
    definition: str = ""


@dataclass(frozen=True, slots=True)
class CodeList:
    code: str
    name: str
    system: str
    concepts: tuple[Concept, ...]

    def display(self, code: str) -> str:
        """Return the words for a code; an unknown code stands for itself."""
        return next((each.display for each in self.concepts if each.code == code), code)

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(each.code for each in self.concepts)


@dataclass(frozen=True, slots=True)
class FormField:
    name: str
    label: str
    kind: str = "text"
    """``text lines date instant number choice choices yes-no person``."""
    required: bool = False
    hint: str = ""
    choices: str | None = None
    """Code list of a choice."""
    longest: int = 4000


@dataclass(frozen=True, slots=True)
class Form:
    code: str
    title: str
    purpose: str
    """``referral plan register assessment measure``."""
    fields: tuple[FormField, ...]


@dataclass(frozen=True, slots=True)
class PlanSection:
    code: str
    title: str
    prompt: str
    mandatory: bool = False
    order: int = 0
