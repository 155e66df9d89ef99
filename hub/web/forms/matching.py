"""Forms of who comes to a person: a conflict of interest, a wish, and the end of either."""

from marshmallow import fields, validate

from hub.web.forms.reading import PageForm


class ConflictForm(PageForm):
    practitioner = fields.String(
        required=True,
        validate=validate.Regexp(r"Practitioner/[A-Za-z0-9.-]+", error="Choose a person"),
        error_messages={"required": "Choose who must not come"},
    )
    reason = fields.String(required=True, error_messages={"required": "Choose why"})
    note = fields.String(
        load_default="",
        validate=validate.Length(max=1000, error="Use no more than 1000 characters"),
    )


class WishForm(PageForm):
    wish = fields.String(required=True, error_messages={"required": "Choose what they asked for"})
