"""The rules that bind managed records, whoever writes them and by whatever door.

Imported before any other service, so that a rule refuses before anything follows from a write.
"""

from hub.services.guards.care_plans import keep_the_plan
from hub.services.guards.care_teams import keep_one_holder
from hub.services.guards.register import (
    keep_consent_under_entry,
    keep_entries_consented,
    keep_flag_consented,
)
from hub.services.guards.tasks import keep_the_table

__all__ = [
    "keep_consent_under_entry",
    "keep_entries_consented",
    "keep_flag_consented",
    "keep_one_holder",
    "keep_the_plan",
    "keep_the_table",
]
