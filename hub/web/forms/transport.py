"""The form that asks for patient transport."""

from marshmallow import fields, validate

from hub.web.forms.reading import PageForm

_PLACE = validate.Length(max=200, error="Use no more than 200 characters")


class TransportForm(PageForm):
    start = fields.String(
        required=True, validate=_PLACE, error_messages={"required": "Write where it starts"}
    )
    to = fields.String(
        required=True, validate=_PLACE, error_messages={"required": "Write where they have to be"}
    )
    at = fields.NaiveDateTime(
        required=True,
        error_messages={
            "required": "Write when they have to be there",
            "invalid": "Write a date and a time",
        },
    )
    back = fields.String(load_default="")
    note = fields.String(
        load_default="",
        validate=validate.Length(max=2000, error="Use no more than 2,000 characters"),
    )
