"""Forms on who answers for whom: an offer, a re-homing, a date until which something may stay."""

from typing import Any

from marshmallow import fields, validate

from hub.web.forms.reading import PageForm

_PERSON = r"Practitioner/[A-Za-z0-9.-]+"
_DAY: dict[str, str | list[Any] | dict[Any, Any]] = {
    "required": "Say on which day",
    "invalid": "Write the day as a date",
}


class OfferForm(PageForm):
    to = fields.String(
        required=True,
        validate=validate.Regexp(_PERSON, error="Choose a person"),
        error_messages={"required": "Choose whom you offer them to"},
    )
    note = fields.String(
        load_default="", validate=validate.Length(max=500, error="Use no more than 500 characters")
    )


class RehomeForm(PageForm):
    to = fields.String(
        required=True,
        validate=validate.Regexp(rf"rules|{_PERSON}", error="Choose a person, or the rules"),
        error_messages={"required": "Choose who takes it, or the rules"},
    )


class TimeBoxForm(PageForm):
    until = fields.Date(required=True, error_messages=_DAY)
    owner = fields.String(
        required=True,
        validate=validate.Regexp(_PERSON, error="Choose a person"),
        error_messages={"required": "Choose who is reminded"},
    )


class LeaveForm(PageForm):
    on = fields.Date(required=True, error_messages=_DAY)


class DateForm(PageForm):
    on = fields.Date(required=True, error_messages=_DAY)
