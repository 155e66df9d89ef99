"""Code lists, forms and the sections of a plan, as the files may write them."""

from typing import Any, ClassVar

from marshmallow import fields, pre_load
from marshmallow.validate import Length, Regexp

from hub.domain import content
from hub.services.definition_schemas.entry import (
    Entry,
    choice_field,
    code_field,
    number_field,
    words_field,
)

NAME = Regexp(r"[a-z][a-z0-9_]*\Z", error="A name is lower-case letters, digits and underscores")


class ConceptSchema(Entry):
    shape = content.Concept
    code = words_field()
    display = words_field()
    definition = fields.String()


class CodeListSchema(Entry):
    shape = content.CodeList
    code = code_field()
    name = words_field()
    system = words_field()
    concepts = fields.List(fields.Nested(ConceptSchema), required=True, validate=Length(min=1))

    @pre_load
    def _own_system(self, entry: Any, **_: Any) -> Any:
        """A list without a system of its own lives under the hub's."""
        if isinstance(entry, dict) and "system" not in entry:
            return entry | {
                "system": f"https://carehub.example/fhir/CodeSystem/{entry.get('code')}"
            }
        return entry


class FormFieldSchema(Entry):
    shape = content.FormField
    name = fields.String(required=True, validate=NAME)
    label = words_field()
    kind = choice_field(
        "text", "lines", "date", "instant", "number", "choice", "choices", "yes-no", "person"
    )
    required = fields.Boolean()
    hint = fields.String()
    choices = fields.String()
    longest = number_field(1)


class FormSchema(Entry):
    shape = content.Form
    code = code_field()
    title = words_field()
    purpose = choice_field("referral", "plan", "register", "assessment", "measure", required=True)

    class Meta(Entry.Meta):
        include: ClassVar[dict[str, fields.Field[Any]]] = {
            # A class attribute of this name would hide marshmallow's own.
            "fields": fields.List(
                fields.Nested(FormFieldSchema), required=True, validate=Length(min=1)
            )
        }


class PlanSectionSchema(Entry):
    shape = content.PlanSection
    code = code_field()
    title = words_field()
    prompt = words_field()
    mandatory = fields.Boolean()
