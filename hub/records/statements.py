"""The SQL of one write: a single statement for row, index rows, history, audit and change.

One statement a write measured a third faster than the same in a transaction of its own
(docs/adr/0001). Every value is a parameter; names come from the registry only.
"""

from functools import cache

from hub.records.row import scalar_columns
from hub.records.tables import TABLES

WATCHED = "SELECT 'Subscription' UNION ALL SELECT resource_type FROM subscriber"
"""The types whose changes somebody may want to be told of: those that a subscriber asks for, and
Subscriptions, which make subscribers. A change of any other type has nobody to wait for."""

_INDEX_ROWS = {
    # flag: (added, removed) rows of one shared table
    "strings": (
        "INSERT INTO fhir_string (type, param, value, id)"
        " SELECT %(resource_type)s, u.p, u.v, %(id)s FROM w, unnest(%(s_param)s::text[],"
        " %(s_value)s::text[]) AS u(p, v)",
        "DELETE FROM fhir_string t USING w, unnest(%(xs_param)s::text[], %(xs_value)s::text[])"
        " AS u(p, v) WHERE t.type = %(resource_type)s AND t.param = u.p AND t.value = u.v"
        " AND t.id = %(id)s",
    ),
    "dates": (
        "INSERT INTO fhir_date (type, param, lo, hi, id)"
        " SELECT %(resource_type)s, u.p, u.l, u.h, %(id)s FROM w, unnest(%(d_param)s::text[],"
        " %(d_lo)s::timestamptz[], %(d_hi)s::timestamptz[]) AS u(p, l, h)",
        "DELETE FROM fhir_date t USING w, unnest(%(xd_param)s::text[],"
        " %(xd_lo)s::timestamptz[], %(xd_hi)s::timestamptz[]) AS u(p, l, h)"
        " WHERE t.type = %(resource_type)s AND t.param = u.p AND t.lo = u.l AND t.hi = u.h"
        " AND t.id = %(id)s",
    ),
    "quantities": (
        "INSERT INTO fhir_quantity (type, param, lo, hi, unit, companion, id)"
        " SELECT %(resource_type)s, u.p, u.l, u.h, u.u, u.c::bigint[], %(id)s"
        " FROM w, unnest(%(q_param)s::text[], %(q_lo)s::numeric[], %(q_hi)s::numeric[],"
        " %(q_unit)s::text[], %(q_companion)s::text[]) AS u(p, l, h, u, c)",
        "DELETE FROM fhir_quantity t USING w, unnest(%(xq_param)s::text[],"
        " %(xq_lo)s::numeric[], %(xq_hi)s::numeric[], %(xq_unit)s::text[],"
        " %(xq_companion)s::text[]) AS u(p, l, h, u, c)"
        " WHERE t.type = %(resource_type)s AND t.param = u.p AND t.lo = u.l AND t.hi = u.h"
        " AND t.unit = u.u AND t.companion = u.c::bigint[] AND t.id = %(id)s",
    ),
    "relationships": (
        "INSERT INTO relationship (source, patient_id, party, basis)"
        " SELECT %(source)s, u.a, u.p, u.b FROM w, unnest(%(r_patient)s::text[],"
        " %(r_party)s::text[], %(r_basis)s::text[]) AS u(a, p, b)",
        "DELETE FROM relationship t USING w, unnest(%(xr_patient)s::text[],"
        " %(xr_party)s::text[], %(xr_basis)s::text[]) AS u(a, p, b)"
        " WHERE t.source = %(source)s AND t.patient_id = u.a AND t.party = u.p"
        " AND t.basis = u.b",
    ),
}

_TAIL = (
    "au AS (INSERT INTO audit (at, actor, action, subject, version, request_id)"
    " SELECT %(now)s::timestamptz, %(actor)s, %(action)s, %(source)s, %(version)s::int, %(request)s"
    " FROM w),"
    " ch AS (INSERT INTO record_change (type, record_id, version, actor)"
    " SELECT %(resource_type)s, %(id)s, %(version)s::int, %(actor)s FROM w"
    " WHERE %(resource_type)s IN (SELECT * FROM (" + WATCHED + ") watched))"
    " SELECT count(*) FROM w"
)


@cache
def _columns(resource_type: str) -> tuple[str, ...]:
    return (
        "id",
        "version",
        "last_updated",
        "deleted",
        "managed",
        "patient_id",
        "content",
        "idx",
        "present",
        *scalar_columns(resource_type),
    )


def _rows(added: frozenset[str], removed: frozenset[str]) -> str:
    parts = [f"a_{name} AS ({_INDEX_ROWS[name][0]})," for name in sorted(added)]
    parts += [f"x_{name} AS ({_INDEX_ROWS[name][1]})," for name in sorted(removed)]
    return " ".join(parts)


@cache
def insert_sql(resource_type: str, added: frozenset[str]) -> str:
    """Return the statement that inserts a new record; it counts 0 where the id is taken."""
    columns = _columns(resource_type)
    values = ", ".join("%(idx)s::bigint[]" if c == "idx" else f"%({c})s" for c in columns)
    return (
        f"WITH w AS (INSERT INTO {TABLES[resource_type].name} ({', '.join(columns)})"
        f" VALUES ({values}) ON CONFLICT (id) DO NOTHING RETURNING id),"
        f" {_rows(added, frozenset())} {_TAIL}"
    )


@cache
def update_sql(resource_type: str, added: frozenset[str], removed: frozenset[str]) -> str:
    """Return the statement that supersedes version ``expected``; it counts 0 on a conflict.

    ``old`` locks the row and, after waiting for another writer, checks the version again: of two
    writers of one version exactly one finds a row.
    """
    name = TABLES[resource_type].name
    columns = [c for c in _columns(resource_type) if c != "id"]
    values = ", ".join(
        f"{c} = %(idx)s::bigint[]" if c == "idx" else f"{c} = %({c})s" for c in columns
    )
    return (
        f"WITH old AS (SELECT id, version, last_updated, deleted, patient_id, content FROM {name}"
        " WHERE id = %(id)s AND version = %(expected)s FOR UPDATE),"
        " hi AS (INSERT INTO fhir_history"
        " (type, id, version, last_updated, deleted, patient_id, content)"
        " SELECT %(resource_type)s, id, version, last_updated, deleted, patient_id, content"
        " FROM old),"
        f" w AS (UPDATE {name} t SET {values} FROM old WHERE t.id = old.id RETURNING t.id),"
        f" {_rows(added, removed)} {_TAIL}"
    )
