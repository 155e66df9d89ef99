"""Forms of the rota: a shift, its offer, its change, an absence, leave, an import."""

from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields, validate

from hub.domain.rota import KINDS
from hub.web.forms.reading import PageForm
from hub.web.presenters.words import LONDON

_LONGEST = 500
_SHORT = validate.Length(max=_LONGEST, error=f"Use no more than {_LONGEST} characters")
_PERSON = validate.Regexp(r"Practitioner/[A-Za-z0-9.-]+\Z", error="Choose a person")


class LocalMoment(fields.Field[datetime]):
    """A day and a time on the wall of the hub; an hour that the clocks skip is refused."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise ValidationError("Write the day and the time") from None
        if moment.tzinfo is not None or len(str(value)) <= len("2026-12-28"):
            raise ValidationError("Write the day and the time")
        there = moment.replace(tzinfo=LONDON)
        if there.astimezone(UTC).astimezone(LONDON).replace(tzinfo=None) != moment:
            raise ValidationError("There is no such time on that day: the clocks go forward")
        return there


def _moment(required: str) -> LocalMoment:
    return LocalMoment(required=True, error_messages={"required": required})


class ReasonForm(PageForm):
    reason = fields.String(
        required=True, validate=_SHORT, error_messages={"required": "Say why the rota changes"}
    )


class ReplaceForm(ReasonForm):
    by = fields.String(
        required=True, validate=_PERSON, error_messages={"required": "Choose who works it"}
    )


class MoveForm(ReasonForm):
    starts_at = _moment("Say when it starts")
    ends_at = _moment("Say when it ends")


class AddForm(MoveForm):
    practitioner = fields.String(
        required=True, validate=_PERSON, error_messages={"required": "Choose who works it"}
    )
    kind = fields.String(load_default="work", validate=validate.OneOf(KINDS))
    service = fields.String(load_default="")
    area = fields.String(load_default="")


class OfferForm(PageForm):
    to = fields.String(
        required=True, validate=_PERSON, error_messages={"required": "Choose a colleague"}
    )
    against = fields.String(load_default="")
    note = fields.String(load_default="", validate=_SHORT)


class AnswerForm(PageForm):
    note = fields.String(load_default="", validate=_SHORT)


class AbsenceForm(PageForm):
    practitioner = fields.String(
        required=True, validate=_PERSON, error_messages={"required": "Choose who is away"}
    )
    starts_at = _moment("Say from when")
    ends_at = LocalMoment(load_default=None)
    absence_reason = fields.String(
        required=True, error_messages={"required": "Choose why they are away"}
    )


class LeaveForm(PageForm):
    starts_at = _moment("Say from when")
    ends_at = _moment("Say until when")
    note = fields.String(load_default="", validate=_SHORT)


class ImportForm(ReasonForm):
    form = fields.String(required=True, validate=validate.OneOf(["ics", "csv"]))
    content = fields.String(
        required=True, error_messages={"required": "Choose the file of the rota"}
    )
