"""How letters and discharge summaries are taken in, as the files may write it."""

from marshmallow import fields

from hub.domain.discharge import DischargePolicy
from hub.services.definition_schemas.entry import Entry, code_field, codes_field, number_field


class DischargeSchema(Entry):
    shape = DischargePolicy
    readers = codes_field()
    practice_teams = fields.Dict(keys=fields.String(), values=fields.String())
    team = code_field()
    clock = code_field()
    urgent_clock = code_field()
    urgent_within_days = number_field(0, 365)
    first_sections = codes_field()
    action_sections = codes_field()
    trusted_mailboxes = codes_field()
    attachments = codes_field()
    largest_mb = number_field(1, 100)
