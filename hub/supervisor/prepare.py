"""The set-up step of a start, in a process of its own: migrate the database, load the sample hub.

It prints its progress; the supervisor passes the lines on.
"""

import sys

from alembic import command
from alembic.config import Config

from hub import samples, settings
from hub.app import create_app


def upgrade(database_url: str) -> None:
    """Bring a database's schema up to date."""
    config = Config(toml_file=str(settings.ROOT / "pyproject.toml"))
    config.attributes["database_url"] = database_url
    command.upgrade(config, "head")


def main(words: list[str]) -> None:
    """Do what the words say: ``migrate`` and ``sample``."""
    if "migrate" in words:
        _say("bringing the database up to date ...")
        upgrade(settings.load().database_url)
    if "sample" in words:
        app = create_app()
        with app.app_context():
            samples.load(say=_say)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
