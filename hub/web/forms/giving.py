"""Forms that give work to others: offer, answer, delegate, split, put aside until a time."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from hub.web.forms.reading import PageForm
from hub.web.forms.work import VerbForm

ROWS = 4
"""Parts that one form has room for; the API takes more."""
_PERSON = validate.Regexp(r"Practitioner/[A-Za-z0-9.-]+", error="Choose a person")
_MINUTES = validate.Range(min=1, error="Write a number of minutes")
_NUMBER: dict[str, str | list[Any] | dict[Any, Any]] = {"invalid": "Write a number of minutes"}


class AnswerForm(PageForm):
    offer = fields.String(required=True, error_messages={"required": "Load the page again"})


class RefuseForm(AnswerForm):
    refuse_reason = fields.String(
        required=True, error_messages={"required": "Choose why you cannot take it"}
    )


class DelegateForm(VerbForm):
    delegate_to = fields.String(
        required=True,
        validate=_PERSON,
        error_messages={"required": "Choose who does this part"},
    )
    part = fields.String(
        required=True,
        validate=validate.Length(max=400, error="Use no more than 400 characters"),
        error_messages={"required": "Say what the part is"},
    )
    part_minutes = fields.Integer(load_default=None, validate=_MINUTES, error_messages=_NUMBER)


class SplitForm(VerbForm):
    """Rows of a description, an owner (none: who splits) and minutes (none: an equal share)."""

    part_1 = fields.String(load_default="")
    owner_1 = fields.String(load_default="")
    minutes_1 = fields.Integer(load_default=None, validate=_MINUTES, error_messages=_NUMBER)
    part_2 = fields.String(load_default="")
    owner_2 = fields.String(load_default="")
    minutes_2 = fields.Integer(load_default=None, validate=_MINUTES, error_messages=_NUMBER)
    part_3 = fields.String(load_default="")
    owner_3 = fields.String(load_default="")
    minutes_3 = fields.Integer(load_default=None, validate=_MINUTES, error_messages=_NUMBER)
    part_4 = fields.String(load_default="")
    owner_4 = fields.String(load_default="")
    minutes_4 = fields.Integer(load_default=None, validate=_MINUTES, error_messages=_NUMBER)

    @post_load
    def _rows(self, loaded: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        rows = [
            (loaded[f"part_{each}"], loaded[f"owner_{each}"] or None, loaded[f"minutes_{each}"])
            for each in range(1, ROWS + 1)
            if loaded[f"part_{each}"]
        ]
        if len(rows) < 2:
            raise ValidationError("Write at least two parts", "part_1")
        return {"version": loaded["version"], "rows": rows}


class OfferManyForm(PageForm):
    """Tasks are named ``[id]/[version]`` by their boxes, read beside the form."""

    many_to = fields.String(
        required=True, validate=_PERSON, error_messages={"required": "Choose who is asked"}
    )
    many_note = fields.String(load_default="")
