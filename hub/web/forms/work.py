"""Forms on a task: decline, hand over, put aside, complete."""

from datetime import time

from marshmallow import fields, validate

from hub.web.forms.reading import PageForm

_LONGEST = 4000
_NOTE = validate.Length(max=_LONGEST, error=f"Use no more than {_LONGEST} characters")


class VerbForm(PageForm):
    """Every verb names the version that the person saw."""

    version = fields.Integer(required=True, error_messages={"required": "Load the page again"})
    note = fields.String(load_default="", validate=_NOTE)


class DeclineForm(VerbForm):
    reason = fields.String(
        required=True, error_messages={"required": "Choose why you cannot take this"}
    )


class HandOverForm(VerbForm):
    to = fields.String(
        required=True,
        validate=validate.Regexp(r"Practitioner/[A-Za-z0-9.-]+", error="Choose a person"),
        error_messages={"required": "Choose who takes it over"},
    )


class HoldForm(VerbForm):
    hold_reason = fields.String(
        required=True, error_messages={"required": "Choose why this has to wait"}
    )
    review_on = fields.Date(
        required=True,
        error_messages={
            "required": "Say on which day somebody looks at it again",
            "invalid": "Write the day as a date",
        },
    )
    review_time = fields.Time(
        load_default=time(9),
        error_messages={"invalid": "Write the time as hours and minutes: 14:30"},
    )


class CompleteForm(VerbForm):
    outcome = fields.String(required=True, error_messages={"required": "Choose how it ended"})
