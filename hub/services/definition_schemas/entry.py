"""What every entry of a hub definition is checked with: the base schema and the usual fields."""

from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields, post_load
from marshmallow.validate import Length, OneOf, Range, Regexp

from hub.domain.errors import RuleError

CODE = Regexp(r"[a-z0-9][a-z0-9-]*\Z", error="A code is lower-case letters, digits and hyphens")


def code_field() -> fields.String:
    return fields.String(required=True, validate=CODE)


def words_field() -> fields.String:
    return fields.String(required=True, validate=Length(min=1))


def codes_field() -> fields.List[str]:
    return fields.List(fields.String(validate=Length(min=1)))


def number_field(least: int | None = None, most: int | None = None) -> fields.Integer:
    return fields.Integer(strict=True, validate=Range(min=least, max=most))


def choice_field(*allowed: str, required: bool = False) -> fields.String:
    return fields.String(required=required, validate=OneOf(allowed))


class Entry(Schema):
    """Turns a checked entry into its frozen shape; lists become tuples."""

    shape: ClassVar[Any] = dict

    class Meta:
        unknown = RAISE

    @post_load
    def _made(self, loaded: dict[str, Any], **_: Any) -> Any:
        try:
            return self.shape(
                **{
                    name: tuple(value) if isinstance(value, list) else value
                    for name, value in loaded.items()
                }
            )
        except RuleError as refusal:
            raise ValidationError(refusal.text, refusal.field or "_schema") from refusal
