"""The rows of a SNOMED CT release that a licence holder loaded; none is ever shipped.

Each row names its release: the next one is written beside it and takes its place in one commit.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

from hub.db import db

CONCEPTS = Table(
    "snomed_concept",
    db.metadata,
    Column("release", Integer, nullable=False),
    Column("id", BigInteger, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("defined", Boolean, nullable=False),
    Column("module", BigInteger, nullable=False),
    PrimaryKeyConstraint("release", "id", name="pk_snomed_concept"),
)

DESCRIPTIONS = Table(
    "snomed_description",
    db.metadata,
    Column("release", Integer, nullable=False),
    Column("id", BigInteger, nullable=False),
    Column("concept_id", BigInteger, nullable=False),
    # Whether it is the fully specified name.
    Column("full_name", Boolean, nullable=False),
    # 0: preferred in the dialect that comes first; 32767: in none.
    Column("rank", SmallInteger, nullable=False),
    Column("language", Text(collation="C"), nullable=False),
    Column("term", Text, nullable=False),
    PrimaryKeyConstraint("release", "id", name="pk_snomed_description"),
    Index("ix_snomed_description_concept_id", "release", "concept_id"),
    Index(
        "ix_snomed_description_words",
        text("to_tsvector('simple'::regconfig, term)"),
        postgresql_using="gin",
    ),
)
"""Active descriptions only."""

PARENTS = Table(
    "snomed_parent",
    db.metadata,
    Column("release", Integer, nullable=False),
    Column("concept_id", BigInteger, nullable=False),
    Column("parent_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("release", "concept_id", "parent_id", name="pk_snomed_parent"),
    Index("ix_snomed_parent_parent_id", "release", "parent_id", "concept_id"),
)
"""Active is-a relationships: walked by recursion, up in some dozens of steps."""

MEMBERS = Table(
    "snomed_member",
    db.metadata,
    Column("release", Integer, nullable=False),
    Column("refset_id", BigInteger, nullable=False),
    Column("concept_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("release", "refset_id", "concept_id", name="pk_snomed_member"),
)
"""Active members of simple reference sets."""

TABLES = (CONCEPTS, DESCRIPTIONS, PARENTS, MEMBERS)
