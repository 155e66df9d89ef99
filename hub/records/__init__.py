"""The one door to FHIR records: read, search, write, with access, history, audit and outbox.

Everything (page, API, message, load, workflow) comes through here. Edges open a
``hub.transaction.transaction``; a single write outside one is one atomic statement.
"""

from hub.records import audit, outbox
from hub.records.access import visible_to
from hub.records.bulk import insert_many, new_version, update_many
from hub.records.guards import guard
from hub.records.ids import is_ours, new_id
from hub.records.page import Page
from hub.records.reading import lock, lock_many, read, read_many, supported
from hub.records.record import Record, instant, is_managed
from hub.records.saving import adopt, create, delete, update
from hub.records.search import find, search
from hub.records.systemwide import allowed_types, find_all
from hub.records.tables import TABLES
from hub.records.versions import history, vread

__all__ = [
    "Page",
    "Record",
    "adopt",
    "allowed_types",
    "audit",
    "create",
    "delete",
    "find",
    "find_all",
    "guard",
    "history",
    "insert_many",
    "instant",
    "is_managed",
    "is_ours",
    "lock",
    "lock_many",
    "new_id",
    "new_version",
    "outbox",
    "read",
    "read_many",
    "search",
    "supported",
    "table",
    "update",
    "update_many",
    "visible_to",
    "vread",
]

table = TABLES.__getitem__
