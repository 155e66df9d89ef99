"""Forms on a hole in the cover: acknowledge it, answer for it."""

from marshmallow import fields, validate

from hub.web.forms.reading import PageForm


class AcknowledgeForm(PageForm):
    note = fields.String(
        load_default="", validate=validate.Length(max=500, error="Use no more than 500 characters")
    )


class AnswerForm(PageForm):
    can = fields.String(
        required=True,
        validate=validate.OneOf(["yes", "no"], error="Choose whether you can"),
        error_messages={"required": "Choose whether you can"},
    )
