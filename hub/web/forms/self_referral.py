"""The public form by which people refer themselves or somebody they care for."""

from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from hub import clock
from hub.web.forms.reading import PageForm

_SHORT = validate.Length(max=120, error="Use no more than 120 characters")
_LONG = validate.Length(max=2000, error="Use no more than 2,000 characters")
WHOM = (("me", "Me"), ("someone", "Somebody I care for"))


class SelfReferralForm(PageForm):
    form = fields.String(required=True)
    whom = fields.String(
        required=True,
        validate=validate.OneOf([code for code, _ in WHOM], error="Choose whom it is about"),
        error_messages={"required": "Choose whom it is about"},
    )
    given = fields.String(
        required=True, validate=_SHORT, error_messages={"required": "Write the first name"}
    )
    family = fields.String(
        required=True, validate=_SHORT, error_messages={"required": "Write the family name"}
    )
    born = fields.Date(
        required=True,
        error_messages={
            "required": "Write the date of birth",
            "invalid": "Write the date of birth as a date",
        },
    )
    postcode = fields.String(
        required=True,
        validate=validate.Length(max=10, error="Write the postcode as on a letter"),
        error_messages={"required": "Write the postcode"},
    )
    phone = fields.String(
        required=True,
        validate=validate.Regexp(
            r"[0-9+ ()-]{7,25}\Z", error="Write a telephone number that we can ring"
        ),
        error_messages={"required": "Write a telephone number that we can ring"},
    )
    reason = fields.String(
        required=True, validate=_LONG, error_messages={"required": "Write what help is needed"}
    )
    your_name = fields.String(load_default="", validate=_SHORT)
    relationship = fields.String(load_default="", validate=_SHORT)
    agrees = fields.String(load_default="")
    seen = fields.String(load_default="")
    """The warning has been read."""
    website = fields.String(load_default="")
    """Nobody sees this field: a program that fills in everything does."""

    @validates_schema(skip_on_field_errors=False)
    def check_carer(self, sent: dict[str, Any], **_: Any) -> None:
        wrong = {}
        born = sent.get("born")
        if isinstance(born, date) and not date(1900, 1, 1) <= born <= clock.now().date():
            wrong["born"] = ["Write the date of birth: it lies in the past"]
        if sent.get("whom") == "someone":
            if not sent.get("your_name"):
                wrong["your_name"] = ["Write your name: we may have to ask you"]
            if sent.get("agrees") not in {"yes", "cannot"}:
                wrong["agrees"] = ["Say whether they know that you ask for help"]
        if wrong:
            raise ValidationError(wrong)
