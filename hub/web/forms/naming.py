"""The form that names somebody for a role."""

from marshmallow import fields, validate

from hub.web.forms.reading import PageForm


class NamingForm(PageForm):
    practitioner = fields.String(
        required=True,
        validate=validate.Regexp(r"Practitioner/[A-Za-z0-9.-]+", error="Choose a person"),
        error_messages={"required": "Choose who it is"},
    )
