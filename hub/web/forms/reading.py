"""Reading a form: values where it is right, one plain sentence for each field where it is not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError


class PageForm(Schema):
    """A form of a page: what it does not know (the CSRF token) is left aside."""

    class Meta:
        unknown = EXCLUDE


@dataclass(frozen=True, slots=True)
class Filled:
    """A form that came in."""

    values: Mapping[str, Any]
    """Checked values; empty where something is wrong."""
    given: Mapping[str, str]
    """What was typed, to show it again."""
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_right(self) -> bool:
        return not self.errors

    def error_list(self) -> list[dict[str, str]]:
        """Return the errors as the design system's error summary wants them."""
        return [{"text": text, "href": f"#{name}"} for name, text in self.errors.items()]


def fill(schema: type[PageForm], form: Mapping[str, str]) -> Filled:
    """Check a form; white space at the ends is nobody's meaning."""
    given = {name: value.strip() for name, value in form.items()}
    # A field left empty is a field not given: "required" then says so in its own words.
    sent = {name: value for name, value in given.items() if value}
    try:
        values = schema().load(sent)
    except ValidationError as error:
        found = _first(error.messages_dict)
        # The summary lists them as the page does, from the top.
        order = list(schema().fields)
        found = dict(
            sorted(found.items(), key=lambda each: order.index(each[0]) if each[0] in order else -1)
        )
        return Filled({}, given, found)
    return Filled(dict(values), given)


def _first(messages: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, texts in messages.items():
        first = texts
        while isinstance(first, Mapping):
            first = next(iter(first.values()))
        found[name] = first[0] if isinstance(first, list) else str(first)
    return found
