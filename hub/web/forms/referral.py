"""The referral form: what a referrer says on the telephone or fills in."""

from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from hub import clock
from hub.domain import nhs_number
from hub.web.forms.reading import PageForm

_LONGEST = 4000
_TEXT = validate.Length(max=_LONGEST, error=f"Use no more than {_LONGEST} characters")
PRIORITIES = (
    ("routine", "Routine"),
    ("urgent", "Urgent"),
    ("asap", "As soon as possible"),
    ("stat", "Emergency response"),
)


class ReferralForm(PageForm):
    person = fields.String(load_default="")
    """``Patient/<id>`` where the referral began on a person's page."""
    nhs_number = fields.String(load_default="")
    given = fields.String(load_default="", validate=_TEXT)
    family = fields.String(load_default="", validate=_TEXT)
    born = fields.Date(
        load_default=None, error_messages={"invalid": "Write the date of birth as a date"}
    )
    phone = fields.String(load_default="", validate=_TEXT)
    postcode = fields.String(load_default="", validate=_TEXT)
    reason = fields.String(
        required=True,
        validate=_TEXT,
        error_messages={"required": "Write what the person needs, and why"},
    )
    service = fields.String(load_default="")
    priority = fields.String(
        required=True,
        validate=validate.OneOf([code for code, _ in PRIORITIES], error="Choose how soon"),
        error_messages={"required": "Choose how soon"},
    )
    consent = fields.String(
        required=True, error_messages={"required": "Say whether the person agrees"}
    )
    source = fields.String(required=True, error_messages={"required": "Choose where it comes from"})
    referrer = fields.String(
        required=True, validate=_TEXT, error_messages={"required": "Write who refers"}
    )
    referrer_phone = fields.String(load_default="", validate=_TEXT)
    door = fields.String(
        load_default="phone",
        validate=validate.OneOf(["phone", "letter"], error="Choose how it came"),
    )
    """At a front door: by telephone, or as a letter or e-mail."""
    received = fields.NaiveDateTime(
        load_default=None,
        format="%Y-%m-%dT%H:%M",
        error_messages={"invalid": "Write when it came as a day and a time"},
    )
    """Local time at which a letter came."""
    alert = fields.String(load_default="")
    alert_text = fields.String(load_default="", validate=_TEXT)
    falls = fields.String(load_default="")
    carer = fields.String(load_default="", validate=_TEXT)
    history = fields.String(load_default="", validate=_TEXT)

    @validates_schema(skip_on_field_errors=False)
    def check_person(self, sent: dict[str, Any], **_: Any) -> None:
        if sent.get("person"):
            return
        missing = {}
        if not sent.get("family"):
            missing["family"] = ["Write the family name"]
        born = sent.get("born")
        if not isinstance(born, date):
            missing["born"] = ["Write the date of birth: it is how we know who it is"]
        elif born > clock.now().date():
            missing["born"] = ["The date of birth cannot be in the future"]
        number = sent.get("nhs_number")
        if number and not nhs_number.is_valid(number):
            missing["nhs_number"] = [
                "This is not a valid NHS number: check its ten digits, or leave it out"
            ]
        if missing:
            raise ValidationError(missing)
