"""The form of a second, blind look: what somebody would have decided."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from hub.domain.red_flags import PRIORITIES
from hub.domain.referral import TriageOutcome
from hub.web.forms.reading import PageForm

DECISIONS = (
    (TriageOutcome.ACCEPTED.value, "Accept for a service"),
    (TriageOutcome.REDIRECTED.value, "Redirect outside the hub"),
    (TriageOutcome.DECLINED.value, "Decline with advice"),
)
_CODES = [code for code, _ in DECISIONS]
_CHOOSE = "Choose what you would decide"
_NEEDS = {
    TriageOutcome.ACCEPTED.value: {"service": "Choose the service that takes this on"},
    TriageOutcome.REDIRECTED.value: {
        "redirect_service": "Choose where it goes",
        "redirect_reason": "Choose why it goes elsewhere",
    },
    TriageOutcome.DECLINED.value: {"decline_reason": "Choose why it is declined"},
}


class SecondTriageForm(PageForm):
    decision = fields.String(
        required=True,
        validate=validate.OneOf(_CODES, error=_CHOOSE),
        error_messages={"required": _CHOOSE},
    )
    service = fields.String(load_default=None)
    redirect_service = fields.String(load_default=None)
    redirect_reason = fields.String(load_default=None)
    decline_reason = fields.String(load_default=None)
    priority = fields.String(
        required=True,
        validate=validate.OneOf(PRIORITIES, error="Choose how urgent it is"),
        error_messages={"required": "Choose how urgent it is"},
    )

    @validates_schema(skip_on_field_errors=False)
    def check_decision(self, sent: dict[str, Any], **_: Any) -> None:
        missing = {
            name: [text]
            for name, text in _NEEDS.get(str(sent.get("decision", "")), {}).items()
            if not sent.get(name)
        }
        if missing:
            raise ValidationError(missing)
