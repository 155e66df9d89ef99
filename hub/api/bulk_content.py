"""What leaves by a bulk export, and how a line of a bulk import changes a record.

The same rules as for single reads and writes: what is withheld is withheld, what may not be
changed is not changed.
"""

from collections.abc import Sequence

from hub.adapters.fhir_files import Entry
from hub.api import subsets, withheld, writes
from hub.auth import Grant
from hub.domain.actor import Actor
from hub.records import Record


def given_away(record: Record, elements: Sequence[str]) -> str:
    """Return the line of a record: its stored text, or the elements that were asked for."""
    part = subsets.shown(record, None, elements)
    return withheld.shown(record).text if part is None else part


def supersede(actor: Actor, entry: Entry, known: Record) -> None:
    """Write a line over a known record, as a PUT of it would.

    Where an update needs If-Match the line's own ``meta.versionId`` stands for it.
    """
    assert entry.value is not None
    assert entry.text is not None
    version = known.version
    if entry.type in writes.VERSIONED_UPDATE:
        said = str((entry.value.get("meta") or {}).get("versionId", ""))
        version = int(said) if said.isascii() and said.isdigit() else 0
    grant = Grant(actor, rate_limit=None, own_ids=True, trusted_nhs_numbers=False)
    writes.update(actor, grant, entry.type, entry.id, entry.text, if_match=version or None)
