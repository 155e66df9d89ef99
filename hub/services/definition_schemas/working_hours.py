"""Calendars, clocks, kinds of shift and rota patterns, as the files may write them."""

import re
from collections.abc import Mapping
from datetime import time
from typing import Any

from marshmallow import ValidationError, fields, post_load
from marshmallow.validate import Length, OneOf, Regexp

from hub.domain import calendars as calendar_rules
from hub.domain import staffing
from hub.domain.clocks import ClockKind, ClockRule
from hub.domain.rota import KINDS
from hub.services.definition_schemas.entry import (
    Entry,
    choice_field,
    code_field,
    codes_field,
    number_field,
    words_field,
)

HOURS = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)\Z")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
GROUPS = ("weekdays", "weekend", "daily")
SHIFT_CODE = Regexp(r"[A-Z]{1,3}\Z", error="A shift code is one to three capital letters")


def openings(written: list[str]) -> tuple[calendar_rules.Opening, ...]:
    """Read the hours of a day; raises ValidationError."""
    found = []
    for each in written:
        hours = HOURS.match(each)
        if hours is None:
            raise ValidationError(f"{each!r} is not an opening; allowed: 08:00-20:00", "weekly")
        found.append(calendar_rules.Opening(*(time.fromisoformat(end) for end in hours.groups())))
    return tuple(found)


def week(weekly: Mapping[str, list[str]]) -> tuple[tuple[calendar_rules.Opening, ...], ...]:
    """Return seven days, Monday first: a day's own name wins, then its group, then ``daily``."""
    groups = [("weekdays", "daily")] * 5 + [("weekend", "daily")] * 2
    return tuple(
        openings(next((weekly[name] for name in (day, *group) if name in weekly), []))
        for day, group in zip(DAYS, groups, strict=True)
    )


class CalendarSchema(Entry):
    """``weekly`` names days, ``weekdays``, ``weekend`` or ``daily``; a day's own name wins."""

    shape = calendar_rules.Calendar
    code = code_field()
    title = words_field()
    weekly = fields.Dict(
        required=True,
        keys=fields.String(validate=OneOf((*DAYS, *GROUPS))),
        values=fields.List(fields.String()),
    )
    on_bank_holiday = fields.Enum(calendar_rules.BankHolidayRule, by_value=True)
    bank_holidays = fields.List(fields.Date(), data_key="one_off_bank_holidays")
    """Days of this hub's own, beside England's: a day proclaimed at short notice."""

    @post_load
    def _made(self, loaded: dict[str, Any], **_: Any) -> Any:
        loaded["bank_holidays"] = frozenset(loaded.get("bank_holidays", ()))
        loaded["weekly"] = week(loaded["weekly"])
        return super()._made(loaded)


class ClockSchema(Entry):
    shape = ClockRule
    code = code_field()
    title = words_field()
    kind = fields.Enum(ClockKind, by_value=True, required=True)
    minutes = number_field(1)
    days = number_field(1)
    pause_reasons = codes_field()
    roll_to_open_day = fields.Boolean()

    @post_load
    def _made(self, loaded: dict[str, Any], **_: Any) -> Any:
        loaded["pause_reasons"] = frozenset(loaded.get("pause_reasons", ()))
        return super()._made(loaded)


class ShiftTimeSchema(Entry):
    shape = staffing.ShiftTime
    code = fields.String(required=True, validate=SHIFT_CODE)
    name = words_field()
    starts = fields.Time(required=True)
    ends = fields.Time(required=True)
    kind = choice_field(*KINDS)
    break_minutes = number_field(0, 240)


class RotaPatternSchema(Entry):
    """A week is written as seven shift codes with a hyphen for a day off: ``E E L - - L L``."""

    shape = staffing.RotaPattern
    code = code_field()
    name = words_field()
    weeks = fields.List(fields.String(), required=True, validate=Length(min=1))
    bank_holidays = fields.Boolean()

    @post_load
    def _made(self, loaded: dict[str, Any], **_: Any) -> Any:
        weeks = [
            tuple(None if day == "-" else day for day in week.split()) for week in loaded["weeks"]
        ]
        if any(len(week) != 7 for week in weeks):
            raise ValidationError("A week has seven days, Monday first", "weeks")
        return super()._made(loaded | {"weeks": weeks})
