"""Profiles, tags and security labels of a record, changed in their place or looked up in many.

``$meta-add`` and ``$meta-delete`` make no version, R4 resource-operations.html: labels do not
change what a record means. So the ETag stays, history has one text for the version, nobody is
told of a change; the audit says who did it.
"""

from collections.abc import Callable, Iterable
from typing import Any

from psycopg.errors import QueryCanceled

from fhir import jsontext
from fhir.outcomes import GoneError, NotFoundError, UnprocessableError
from fhir.patch.exact import loads, render
from fhir.registry.search_parameters import search_parameters
from hub.db import driver
from hub.domain.actor import Actor
from hub.records import access, audit, guards
from hub.records.reading import fetch
from hub.records.record import Record, is_managed
from hub.records.row import row_of
from hub.records.saving import check
from hub.records.tables import TABLES
from hub.transaction import transaction

KINDS = ("profile", "security", "tag")
BUDGET = 5_000
"""Milliseconds for the labels of all records of a type: they are read one by one."""

Meta = dict[str, Any]


def relabel(
    actor: Actor, resource_type: str, record_id: str, action: str, change: Callable[[Meta], Meta]
) -> Record:
    """Put ``change(meta)`` in the place of the current version's meta, and return the record.

    Raises NotFoundError, GoneError, ForbiddenError, InvalidResourceError, what a guard raises.
    """
    access.authorise(actor, "read", resource_type)
    access.authorise(actor, "update", resource_type)
    with transaction():
        stored = fetch(actor, resource_type, record_id, locked=True)
        if stored is None:
            raise NotFoundError(f"{resource_type}/{record_id} is not here")
        if stored.deleted:
            raise GoneError(f"{resource_type}/{record_id} was deleted")
        before = stored.content
        old = loads(before)
        stored.content = render(before, {**old, "meta": change(dict(old["meta"]))})
        value = jsontext.loads(stored.content)
        check(value)
        if is_managed(value) != stored.managed:
            raise UnprocessableError(
                "the tag of managed records is set by the hub only", expression="meta.tag"
            )
        if stored.managed:
            guards.check(actor, jsontext.loads(before), value)
        row = row_of(value)
        with driver() as connection:
            connection.execute(
                f"UPDATE {TABLES[resource_type].name} SET content = %s, idx = %s::bigint[],"
                " present = %s WHERE id = %s".encode(),
                (stored.content, row.idx, row.present, record_id),
            )
        audit.record(actor, action, f"{resource_type}/{record_id}", {"version": stored.version})
    return stored.as_record(resource_type, record_id)


def labels(actor: Actor, types: Iterable[str]) -> dict[str, list[Any]]:
    """Return every label that a visible record of the types carries, by kind, each once.

    Raises UnprocessableError (``too-costly``) where there are too many records to look at.
    """
    found: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    with transaction(), driver() as connection:
        connection.execute(f"SET LOCAL statement_timeout = {BUDGET}".encode())
        for each in types:
            access.authorise(actor, "read", each)
            access.authorise(actor, "search", each)
            condition, bound = access.predicate(actor, "t")
            known = search_parameters(each)
            bits = sum(1 << known[f"_{kind}"].bit for kind in KINDS)
            sql = (
                "SELECT DISTINCT k.kind, l.label FROM (SELECT content::jsonb -> 'meta' AS meta"
                f" FROM {TABLES[each].name} t WHERE t.present & %s::bigint <> 0 AND NOT t.deleted"
                f" AND {condition}) m, unnest(%s::text[]) AS k(kind),"
                " jsonb_array_elements(m.meta -> k.kind) AS l(label)"
            )
            try:
                rows = connection.execute(sql.encode(), (bits, *bound, list(KINDS))).fetchall()
            except QueryCanceled as error:
                raise UnprocessableError(
                    f"there are too many {each} to look at all their labels: search by _tag",
                    code="too-costly",
                ) from error
            for kind, label in rows:
                found[kind].setdefault(jsontext.dumps(label), label)
        connection.execute(b"SET LOCAL statement_timeout = DEFAULT")
    return {kind: [label for _, label in sorted(of.items())] for kind, of in found.items() if of}
