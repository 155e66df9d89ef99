"""The single point of referral and its rules at the door, as the files may write them."""

from marshmallow import fields
from marshmallow.validate import OneOf, Range

from hub.domain import definition, frequent, red_flags
from hub.services.definition_schemas.entry import (
    Entry,
    choice_field,
    code_field,
    codes_field,
    number_field,
    words_field,
)


class SporSchema(Entry):
    shape = definition.Spor
    team = code_field()
    calendar = code_field()
    triage_clocks = fields.Dict(
        required=True,
        keys=fields.String(validate=OneOf(red_flags.PRIORITIES)),
        values=fields.String(),
    )
    out_of_hours_desk = code_field()
    triage_minutes = number_field(1)
    duplicate_days = number_field(0)
    letter_days = number_field(1)
    revolving_door_referrals = number_field(2)
    revolving_door_days = number_field(1)
    falls_question_age = number_field(0)
    second_triage_percent = number_field(0, 100)
    answer_minutes = fields.Dict(
        keys=fields.String(validate=OneOf(red_flags.PRIORITIES)), values=number_field(1)
    )
    default_offer = fields.String()
    falls_service = fields.String()
    carers_service = fields.String()


class RedFlagSchema(Entry):
    shape = red_flags.RedFlag
    code = code_field()
    name = words_field()
    rule_version = number_field(1)
    raises_to = choice_field("urgent", "asap", "stat", required=True)
    sentence = words_field()
    words = codes_field()
    unless = codes_field()
    codes = codes_field()
    from_age = number_field(0)
    below_age = number_field(0)


class FrequentRuleSchema(Entry):
    shape = frequent.FrequentRule
    code = code_field()
    name = words_field()
    noun = words_field()
    at_least = fields.Integer(strict=True, required=True, validate=Range(min=2))
    days = fields.Integer(strict=True, required=True, validate=Range(min=1, max=366))
    rule_version = number_field(1)
    words = codes_field()
    unless = codes_field()
    codes = codes_field()
    sources = codes_field()
    classes = codes_field()


class RoutingRuleSchema(Entry):
    shape = definition.RoutingRule
    code = code_field()
    name = words_field()
    outcome = choice_field("decline", "redirect", required=True)
    reason = code_field()
    answer = words_field()
    services = codes_field()
    codes = codes_field()
    words = codes_field()
    below_age = number_field(0)
    from_age = number_field(0)
    to_service = fields.String()
    task = fields.String()
    task_clock = fields.String()
