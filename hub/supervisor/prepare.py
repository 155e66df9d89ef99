"""The set-up step of a start, in a process of its own: migrate the database, load the sample hub.

It prints its progress; the supervisor passes the lines on.
"""

import sys

from alembic import command
from alembic.config import Config

from hub import samples
from hub.app import create_app
from hub.settings import ROOT


def migrate() -> None:
    """Bring the schema up to date."""
    command.upgrade(Config(toml_file=str(ROOT / "pyproject.toml")), "head")


def main(words: list[str]) -> None:
    """Do what the words say: ``migrate`` and ``sample``."""
    if "migrate" in words:
        _say("bringing the database up to date ...")
        migrate()
    if "sample" in words:
        app = create_app()
        with app.app_context():
            samples.load(say=_say)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
