"""The triage form: one decision, and what that decision needs."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from hub.web.forms.reading import PageForm

DECISIONS = ("accept", "redirect", "ask", "decline")
_LONGEST = 4000
_SHORT = validate.Length(max=500, error="Use no more than 500 characters")

_NEEDS: Mapping[str, Mapping[str, str]] = {
    "accept": {"service": "Choose the service that takes this on"},
    "redirect": {
        "redirect_service": "Choose where it goes",
        "redirect_reason": "Choose why it goes elsewhere",
    },
    "ask": {"question": "Write what you need to know"},
    "decline": {
        "decline_reason": "Choose why it is declined",
        "advice": "Write what the referrer should do instead",
    },
}


def _words(required_length: int = 0) -> fields.String:
    return fields.String(
        load_default="",
        validate=validate.Length(
            min=required_length,
            max=_LONGEST,
            error=f"Use no more than {_LONGEST} characters",
        ),
    )


class TriageForm(PageForm):
    version = fields.Integer(required=True, error_messages={"required": "Load the page again"})
    decision = fields.String(
        required=True,
        validate=validate.OneOf(DECISIONS, error="Choose what happens to this referral"),
        error_messages={"required": "Choose what happens to this referral"},
    )
    service = fields.String(load_default="")
    note = _words()
    redirect_service = fields.String(load_default="")
    redirect_reason = fields.String(load_default="")
    question = _words()
    question_kind = fields.String(load_default="other")
    answer = _words()
    decline_reason = fields.String(load_default="")
    advice = _words()
    choice = fields.String(load_default="")
    choice_options = fields.String(load_default="", validate=_SHORT)
    signposted = fields.String(load_default="", validate=_SHORT)

    @validates_schema(skip_on_field_errors=False)
    def check_decision(self, sent: dict[str, Any], **_: Any) -> None:
        missing = {
            name: [text]
            for name, text in _NEEDS.get(str(sent.get("decision", "")), {}).items()
            if not sent.get(name)
        }
        if missing:
            raise ValidationError(missing)
