"""Handover packs and stuck work, as the files may write them."""

from hub.domain.handover import HandoverPolicy
from hub.domain.stuck import StuckPolicy
from hub.services.definition_schemas.entry import Entry, number_field


class HandoverSchema(Entry):
    shape = HandoverPolicy
    lead_minutes = number_field(1)
    manager_minutes = number_field(2)
    longest_hours = number_field(1, 72)


class StuckSchema(Entry):
    shape = StuckPolicy
    owners = number_field(2)
    silent_minutes = number_field(1)
    silent_urgent_minutes = number_field(1)
    zombie_minutes = number_field(1)
    zombie_urgent_minutes = number_field(1)
