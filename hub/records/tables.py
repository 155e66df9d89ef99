"""The tables of FHIR records, declared from the registry: one a type, and rows that all share.

A type more is data (fhir/registry) and one generated migration. Layout and numbers: docs/adr/0001.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON

from fhir.registry.search_parameters import search_parameters
from fhir.registry.types import SUPPORTED_TYPES
from hub.db import db
from hub.records.promoted import DATE_INDEXES, INDEXES, PROMOTED

ID = Text(collation="C")
"""Ids and references compare as bytes."""

INSTANT = DateTime(timezone=True)

_XID = text("((pg_current_xact_id())::text)::bigint")
"""The transaction that wrote a row: what is older than every running one is complete."""


@cache
def snake(name: str) -> str:
    """``CarePlan`` -> ``care_plan``, ``authored-on`` -> ``authored_on``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()


@cache
def date_columns(resource_type: str) -> Mapping[str, str]:
    """Return the date parameters that have two columns of their own: code -> column stem."""
    return {
        code: f"d_{snake(code)}"
        for code, parameter in search_parameters(resource_type).items()
        if parameter.kind == "date" and not parameter.multi and not code.startswith("_")
    }


def _column(kind: str) -> Any:
    return INSTANT if kind == "instant" else ID


def _declare(resource_type: str) -> Table:
    name = f"fhir_{snake(resource_type)}"
    dates = date_columns(resource_type)
    promoted = PROMOTED.get(resource_type, ())
    columns: list[Any] = [
        Column("id", ID, nullable=False),
        Column("version", Integer, nullable=False),
        Column("last_updated", INSTANT, nullable=False),
        Column("deleted", Boolean, nullable=False, server_default=text("false")),
        Column("managed", Boolean, nullable=False, server_default=text("false")),
        Column("patient_id", ID),
        Column("content", Text, nullable=False),
        Column("idx", ARRAY(BigInteger), nullable=False),
        Column("present", BigInteger, nullable=False, server_default=text("0")),
        *(Column(p.column, _column(p.kind)) for p in promoted),
        *(Column(f"{stem}_{end}", INSTANT) for stem in dates.values() for end in ("lo", "hi")),
        PrimaryKeyConstraint("id", name=f"pk_{name}"),
    ]
    table = Table(name, db.metadata, *columns, postgresql_with={"fillfactor": "90"})
    Index(
        f"ix_{name}_idx",
        table.c.idx,
        postgresql_using="gin",
        # Sorting each key in at once is half of what a write costs; every search reads the list of
        # what waits, so it is as short as PostgreSQL allows (kB): docs/adr/0005.
        postgresql_with={"fastupdate": "on", "gin_pending_list_limit": "64"},
    )
    # Without the id: equal keys are stored once, and a sort of few rows costs less than the space.
    Index(f"ix_{name}_last_updated", table.c.last_updated)
    Index(
        f"ix_{name}_patient_id",
        table.c.patient_id,
        postgresql_where=text("patient_id IS NOT NULL"),
    )
    for fields in INDEXES.get(resource_type, ()):
        label = "_".join(field.split()[0] for field in fields)
        Index(
            f"ix_{name}_{label}",
            *(_ordered(table, field) for field in fields),
            postgresql_where=text("NOT deleted") if fields[-1] == "id" else None,
        )
    for code in DATE_INDEXES.get(resource_type, ()):
        stem = dates[code]
        Index(f"ix_{name}_{stem}", table.c[f"{stem}_lo"])
    return table


def _ordered(table: Table, field: str) -> Any:
    column, _, direction = field.partition(" ")
    # Searches put missing values last: an index in another order would not serve them.
    return table.c[column].desc().nulls_last() if direction == "DESC" else table.c[column]


TABLES: Mapping[str, Table] = {name: _declare(name) for name in SUPPORTED_TYPES}

HISTORY = Table(
    "fhir_history",
    db.metadata,
    Column("type", ID, nullable=False),
    Column("id", ID, nullable=False),
    Column("version", Integer, nullable=False),
    Column("last_updated", INSTANT, nullable=False),
    Column("deleted", Boolean, nullable=False, server_default=text("false")),
    Column("patient_id", ID),
    Column("content", Text, nullable=False),
    PrimaryKeyConstraint("type", "id", "version", name="pk_fhir_history"),
    Index("ix_fhir_history_last_updated", "type", "last_updated", "id"),
)
"""Superseded versions only: the current one is in its table. Append-only."""

STRINGS = Table(
    "fhir_string",
    db.metadata,
    Column("type", ID, nullable=False),
    Column("param", ID, nullable=False),
    Column("value", ID, nullable=False),
    Column("id", ID, nullable=False),
    PrimaryKeyConstraint("type", "param", "value", "id", name="pk_fhir_string"),
)
"""Normalised strings; a prefix is a range of the primary key."""

DATES = Table(
    "fhir_date",
    db.metadata,
    Column("type", ID, nullable=False),
    Column("param", ID, nullable=False),
    Column("lo", INSTANT, nullable=False),
    Column("hi", INSTANT, nullable=False),
    Column("id", ID, nullable=False),
    PrimaryKeyConstraint("type", "param", "lo", "hi", "id", name="pk_fhir_date"),
)
"""Date parameters that can have several values; half-open ranges."""

QUANTITIES = Table(
    "fhir_quantity",
    db.metadata,
    Column("type", ID, nullable=False),
    Column("param", ID, nullable=False),
    Column("lo", Numeric, nullable=False),
    Column("hi", Numeric, nullable=False),
    Column("unit", ID, nullable=False, server_default=""),
    Column("id", ID, nullable=False),
    Column("companion", ARRAY(BigInteger), nullable=False, server_default=text("'{}'")),
    # No primary key: the whole row as a key would store it twice.
    Index("ix_fhir_quantity_lo", "type", "param", "lo", "id"),
)
"""Numbers and quantities with the range of their implicit precision; unit is ``system|code``,
companion the hashed keys of the other half of a composite."""

RELATIONSHIPS = Table(
    "relationship",
    db.metadata,
    Column("source", ID, nullable=False),
    Column("patient_id", ID, nullable=False),
    Column("party", ID, nullable=False),
    Column("basis", ID, nullable=False),
    PrimaryKeyConstraint("source", "patient_id", "party", "basis", name="pk_relationship"),
    Index("ix_relationship_patient_id_party", "patient_id", "party"),
    Index("ix_relationship_party_patient_id", "party", "patient_id"),
)
"""Who has a legitimate relationship with whom, derived from records as they are written."""

AUDIT = Table(
    "audit",
    db.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", INSTANT, nullable=False),
    Column("actor", ID, nullable=False),
    Column("action", ID, nullable=False),
    Column("subject", ID, nullable=False),
    Column("version", Integer),
    Column("request_id", ID),
    Column("detail", JSON),
    Column("xid", BigInteger, nullable=False, server_default=_XID),
    # Rows lie in the order of their transactions: a block range index costs almost nothing.
    Index("ix_audit_xid", "xid", postgresql_using="brin"),
)
"""The hub's own audit. Never read by a function of the hub; sealed in batches."""

CHANGES = Table(
    "record_change",
    db.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("type", ID, nullable=False),
    Column("record_id", ID, nullable=False),
    Column("version", Integer, nullable=False),
    # Who wrote it: a Subscription is told only what its author may read.
    Column("actor", ID, nullable=False),
)
"""Every version written, until the relay has looked whether a Subscription wants it."""

OUTBOX = Table(
    "outbox",
    db.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("event", ID, nullable=False),
    Column("handler", ID, nullable=False),
    Column("subject", ID, nullable=False),
    Column("payload", JSON, nullable=False, server_default=text("'{}'")),
    Column("created_at", INSTANT, nullable=False),
    Column("due_at", INSTANT, nullable=False),
    Column("sent_at", INSTANT),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("handled_at", INSTANT),
    Column("error", Text),
    Index("ix_outbox_open", "due_at", "id", postgresql_where=text("handled_at IS NULL")),
    Index("ix_outbox_subject", "subject"),
)
"""What must happen after the commit: one row a handler, written in the transaction itself."""

AUDIT_SEALS = Table(
    "audit_seal",
    db.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("sealed_at", INSTANT, nullable=False),
    Column("from_xid", BigInteger, nullable=False),
    Column("before_xid", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
"""SHA-256 over the seal before and the batch's rows in order of (xid, id)."""

AUDIT_SHIPPED = Table(
    "audit_shipped",
    db.metadata,
    Column("segment", ID, primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("refused", Text),
)
"""Spool segments that are in the audit: each is shipped once, also when its file outlives it."""
