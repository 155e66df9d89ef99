"""The sample hub in an empty database: loaded once for each instant, then copied.

Loading costs most of a second, and hundreds of tests begin with it. What it wrote is kept in a
schema of its own beside the tables, which are emptied between tests; the copy takes a few dozen
milliseconds. A database that is not empty is loaded as an operator would load it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from hub import clock, samples
from hub.db import db
from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition
from hub.services import definitions

SET_UP = hub_actor("set-up")
_BEFORE = frozenset({"client", "access_token", "account"})
"""Tables that a test may have written to before: none of them has a number that would meet."""


def load_hub() -> HubDefinition:
    """Store the sample hub as ``carehub load`` does, in the open transaction."""
    schema = f"sample_{_instant()}"
    kept = _tables_of(schema)
    if kept:
        if _filled(kept) <= _BEFORE:
            _copy(schema, kept)
            return definitions.current()
        return samples.load_hub(SET_UP)
    was_empty = not _filled(table.name for table in db.metadata.sorted_tables)
    loaded = samples.load_hub(SET_UP)
    if was_empty:
        db.session.flush()
        _keep(schema)
    return loaded


def _instant() -> str:
    """Name the day of the real clock or the instant of a simulated one: shifts follow from it."""
    now = clock.now()
    is_real = abs(now - datetime.now(UTC)) < timedelta(seconds=5)
    return f"{now:%Y%m%d}" if is_real else f"{now:%Y%m%d_%H%M%S}"


def _tables_of(schema: str) -> list[str]:
    found = db.session.execute(
        text("SELECT table_name FROM information_schema.tables WHERE table_schema = :schema"),
        {"schema": schema},
    )
    return [name for name in found.scalars() if name != _SEQUENCES]


def _filled(names: Iterable[str]) -> set[str]:
    """Return those of the tables that have rows."""
    asked = " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM public.\"{name}\")" for name in names
    )
    return set(db.session.execute(text(asked)).scalars())


_SEQUENCES = "sequences_of_the_sample"


def _keep(schema: str) -> None:
    run = db.session.execute
    run(text(f"CREATE SCHEMA {schema}"))
    for name in _filled(table.name for table in db.metadata.sorted_tables):
        run(text(f'CREATE TABLE {schema}."{name}" AS TABLE public."{name}"'))
    run(
        text(
            f"CREATE TABLE {schema}.{_SEQUENCES} AS SELECT sequencename, last_value"
            " FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
        )
    )


def _copy(schema: str, names: Iterable[str]) -> None:
    run = db.session.execute
    # Rows that were right when they were kept need no second check of their foreign keys.
    run(text("SET LOCAL session_replication_role = replica"))
    for name in names:
        columns = ", ".join(
            f'"{each.name}"' for each in db.metadata.tables[name].columns if each.computed is None
        )
        run(
            text(
                f'INSERT INTO public."{name}" ({columns}) OVERRIDING SYSTEM VALUE'
                f' SELECT {columns} FROM {schema}."{name}" ON CONFLICT DO NOTHING'
            )
        )
    run(text(f"SELECT setval(sequencename::regclass, last_value) FROM {schema}.{_SEQUENCES}"))
    run(text("SET LOCAL session_replication_role = DEFAULT"))
