"""One transaction per edge: the request handler, the command or the task commits, once.

Services flush, never commit. What must happen right after the commit (waking the relay) is
queued with ``after_commit`` and may be lost: it is never more than a hint.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hub.db import db, in_session

_KEY = "carehub_transaction"


class Transaction:
    """An open transaction and the hints to give once it is committed."""

    def __init__(self) -> None:
        self._hints: dict[str, Callable[[], None]] = {}
        self.seen: dict[str, str] = {}
        """What was read once and holds for the whole of it, such as the active definition."""

    def after_commit(self, name: str, hint: Callable[[], None]) -> None:
        """Call ``hint`` once after the commit; a second hint of the same name replaces it."""
        self._hints[name] = hint

    def give_hints(self) -> None:
        for hint in self._hints.values():
            hint()


def current() -> Transaction | None:
    """Return the open transaction of this thread, if any."""
    session = in_session()
    found: Transaction | None = session.info.get(_KEY) if session is not None else None
    return found


@contextmanager
def transaction() -> Iterator[Transaction]:
    """Open a transaction and commit it; roll back on any error. A nested use joins the outer."""
    outer = current()
    if outer is not None:
        yield outer
        return
    session = db.session()
    opened = Transaction()
    session.info[_KEY] = opened
    try:
        # The connection is taken now, so that driver() inside finds the session's own.
        session.connection()
        yield opened
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop(_KEY, None)
    opened.give_hints()
