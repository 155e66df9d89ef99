"""Who is entitled to patient transport, as the files may write it."""

from marshmallow import fields

from hub.domain.transport import Criterion, Result, TransportPolicy
from hub.services.definition_schemas.entry import (
    Entry,
    choice_field,
    code_field,
    codes_field,
    number_field,
    words_field,
)


class CriterionSchema(Entry):
    shape = Criterion
    code = code_field()
    name = words_field()
    needs = codes_field()
    result = choice_field(Result.ELIGIBLE.value, Result.DISCRETION.value)


class TransportSchema(Entry):
    shape = TransportPolicy
    rule_version = number_field(1)
    team = code_field()
    clock = code_field()
    urgent_clock = code_field()
    urgent_within_hours = number_field(1, 24 * 14)
    criteria = fields.List(fields.Nested(CriterionSchema), required=True)
    advice = words_field()
