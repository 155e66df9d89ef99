"""Whether a database has this checkout's schema, told without loading the application."""

import psycopg

from hub.settings import ROOT
from hub.supervisor.failures import StartError

MIGRATIONS = ROOT / "migrations" / "versions"


def newest_migration() -> str:
    """Give the number of this checkout's newest migration: they are numbered in order."""
    return max((path.name.partition("_")[0] for path in MIGRATIONS.glob("[0-9]*.py")), default="")


def migrated(database_url: str) -> bool:
    """Tell whether the schema is this checkout's newest."""
    address = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        with psycopg.connect(address, connect_timeout=10) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.errors.UndefinedTable:
        return False
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise StartError(f"The database does not answer: {reason}") from None
    return row is not None and row[0] == newest_migration()
