"""Rows and records for tests: one module per model, its function is named as its module.

Each function keeps what it makes in the database of the test (flushed, not committed) and takes
every column or element by name; what a test does not name is plausible and told from others.
"""

from typing import TypeVar

from hub.db import Base, db

Row = TypeVar("Row", bound=Base)


def kept(row: Row) -> Row:
    """Flush the row, and read back what the database itself filled in."""
    db.session.add(row)
    db.session.flush()
    db.session.refresh(row)
    return row
