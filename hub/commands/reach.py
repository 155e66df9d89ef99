"""How a command reaches a hub: a running one by its addresses, a resting one by its engines."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from hub import settings
from hub.app import create_app
from hub.db import db
from hub.supervisor import engines, schema
from hub.supervisor.failures import StartError
from hub.supervisor.home import is_simulated


@contextmanager
def hub_app(home: Path | None = None) -> Iterator[Flask]:
    """Give the application of a hub, inside its context.

    Where the hub of the data folder is not running, its engines run for as long as this lasts.
    """
    environment = settings.environment()
    if home is not None:
        environment["CAREHUB_HOME"] = str(home)
    folder = settings.load(environment).home
    told = settings.running(folder) if engines.in_use(folder) else {}
    if told or environment.get("DATABASE_URL"):
        with _context(told | environment) as app:
            yield app
        return
    if not (folder / "hub.json").exists():
        raise StartError(f"There is no hub in {folder}: `carehub up` makes one.")
    with engines.start(folder, engine=settings.load(environment).engine) as private:
        environment |= {
            "DATABASE_URL": private.database_url,
            "REDIS_URL": private.redis_url,
            "CAREHUB_SIMULATED": "1" if is_simulated(folder) else "",
        }
        with _context(environment) as app:
            yield app


@contextmanager
def _context(environment: dict[str, str]) -> Iterator[Flask]:
    configured = settings.load(environment)
    if not schema.migrated(configured.database_url):
        raise StartError("The database's schema is not up to date: run `carehub migrate`.")
    app = create_app(configured)
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()
