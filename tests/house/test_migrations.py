"""Migrations: from nothing to the newest and back, and no drift from the declared tables."""

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import make_url

from hub.settings import ROOT
from hub.supervisor.engines import Engines


@pytest.fixture
def configuration(engines: Engines) -> Iterator[Config]:
    """Alembic on an empty database of its own."""
    name = f"migrations_{secrets.token_hex(4)}"
    plain = engines.database_url.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    config = Config(toml_file=str(ROOT / "pyproject.toml"))
    config.attributes["database_url"] = (
        make_url(engines.database_url).set(database=name).render_as_string(hide_password=False)
    )
    yield config
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_migrations_go_up_match_the_tables_and_come_down(configuration: Config) -> None:
    command.upgrade(configuration, "head")
    command.check(configuration)
    command.downgrade(configuration, "base")
    command.upgrade(configuration, "head")


def test_migrations_are_numbered_in_order() -> None:
    script = ScriptDirectory.from_config(Config(toml_file=str(ROOT / "pyproject.toml")))

    numbers = [revision.revision for revision in script.walk_revisions()][::-1]

    assert numbers == [f"{n:04d}" for n in range(1, len(numbers) + 1)]
