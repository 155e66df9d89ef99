"""Forms on alarms: an acknowledgement, and a candidate policy to try."""

from marshmallow import fields, validate

from hub.services.acknowledgements import LONGEST_NOTE
from hub.services.escalation_trials import LARGEST, LONGEST_DAYS
from hub.web.forms.reading import PageForm


class AcknowledgeForm(PageForm):
    step = fields.String(
        required=True, error_messages={"required": "Load the page again: there is a newer alarm"}
    )
    note = fields.String(
        load_default="",
        validate=validate.Length(
            max=LONGEST_NOTE, error=f"Use no more than {LONGEST_NOTE} characters"
        ),
    )


class TrialForm(PageForm):
    policy = fields.String(
        required=True,
        validate=validate.Length(max=LARGEST, error=f"Use no more than {LARGEST} characters"),
        error_messages={"required": "Write the policies that you want to try"},
    )
    days = fields.Integer(
        load_default=28,
        validate=validate.Range(
            min=1, max=LONGEST_DAYS, error=f"Look back 1 to {LONGEST_DAYS} days"
        ),
        error_messages={"invalid": "Give the days as a number"},
    )
