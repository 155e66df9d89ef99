"""Alembic environment: revisions are 0001, 0002, ... so that the folder reads in order.

A migration gives up rather than block a running hub: four seconds for a lock, one advisory lock
so that two starts cannot migrate at once.
"""

from typing import Any

from alembic import context
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, pool, text

import hub.app  # noqa: F401 - declares every table: all rooms are imported by the composition root
from hub import settings
from hub.db import db

_LOCK = 7_200


def number_revisions(
    _context: MigrationContext, _revision: Any, directives: list[MigrationScript]
) -> None:
    """Name a new revision by the number after the last."""
    head = ScriptDirectory.from_config(context.config).get_current_head()
    if directives[0].upgrade_ops and not directives[0].upgrade_ops.is_empty():
        directives[0].rev_id = f"{int(head or 0) + 1:04d}"
    elif getattr(context.config.cmd_opts, "autogenerate", False):
        directives[:] = []


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        process_revision_directives=number_revisions,
        compare_type=True,
        compare_server_default=False,
        transaction_per_migration=True,
    )
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
    connection.execute(text("SET lock_timeout = '4s'"))
    # The session keeps the advisory lock over the migrations' own transactions.
    connection.commit()
    with context.begin_transaction():
        context.run_migrations()
    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
    connection.commit()


engine = create_engine(
    context.config.attributes.get("database_url") or settings.load().database_url,
    poolclass=pool.NullPool,
)
with engine.connect() as opened:
    _run(opened)
engine.dispose()
