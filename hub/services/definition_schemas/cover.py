"""Needs of cover, as the files may write them."""

from typing import Any

from marshmallow import fields, post_load
from marshmallow.validate import OneOf

from hub.domain.cover_needs import CoverNeed
from hub.services.definition_schemas.entry import (
    Entry,
    code_field,
    codes_field,
    number_field,
    words_field,
)
from hub.services.definition_schemas.working_hours import DAYS, GROUPS, openings, week


class CoverNeedSchema(Entry):
    """``weekly`` is written as a calendar writes it, ``bank-holiday`` beside the days."""

    shape = CoverNeed
    code = code_field()
    name = words_field()
    team = fields.String()
    service = fields.String()
    roles = codes_field()
    skills = codes_field()
    calendar = fields.String()
    weekly = fields.Dict(
        keys=fields.String(validate=OneOf((*DAYS, *GROUPS, "bank-holiday"))),
        values=fields.List(fields.String()),
    )
    least = number_field(0, 100)
    least_on_call = number_field(0, 100)

    @post_load
    def _made(self, loaded: dict[str, Any], **_: Any) -> Any:
        if "weekly" in loaded:
            said = dict(loaded["weekly"])
            if "bank-holiday" in said:
                loaded["bank_holiday"] = openings(said.pop("bank-holiday"))
            loaded["weekly"] = week(said)
        return super()._made(loaded)
