"""What went wrong with a message, in words that hold no patient data."""

import traceback
from pathlib import Path

import psycopg
from sqlalchemy.exc import DBAPIError

from hub.domain.errors import RuleError

LONGEST = 2000


def where(error: Exception) -> str:
    """Name a fault of ours by type and place: its text could hold patient data."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    words = f": {error.text}" if isinstance(error, RuleError) else ""
    return f"{type(error).__name__} at {place}{words}"[:LONGEST]


def of_database(error: Exception) -> bool:
    """Say whether the database could not work: a lost connection, a deadlock, a time-out."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, psycopg.OperationalError)
