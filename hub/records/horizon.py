"""A moment before which nothing is still to be committed: what exports and ``_since`` rest on.

``last_updated`` is taken before the commit, so a version may appear after a look that it is older
than. Whoever needs all versions up to an instant waits until every writer that could hold such a
version has ended, or goes back before the oldest one that has not (docs/adr/0006).
"""

import time
from datetime import datetime, timedelta

from hub import clock
from hub.db import driver

SETTLE = timedelta(seconds=1)
"""A writer reaches the database within this long after it has taken its time (bulk.LATEST)."""
PATIENCE = timedelta(seconds=10)
"""Longer than any transaction of the API; a longer one is gone round, not waited for."""
_LOOK_AGAIN = 0.05

# A writer has a transaction id, or waits for a row before it gets one.
_OLDEST = """
SELECT max(extract(epoch FROM clock_timestamp() - xact_start)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
  AND (backend_xid IS NOT NULL OR wait_event_type = 'Lock')
"""


def settled(not_before: datetime) -> datetime:
    """Return an instant at or after ``not_before`` whose versions are all committed.

    Waits for ``SETTLE`` and the writers of that moment, outside of any transaction. Past
    ``PATIENCE`` the instant is one before the oldest writer began. Ages are compared, not
    times of day: the database's clock may differ from ours, and a simulated clock stands still.
    """
    moment = max(clock.now(), not_before)
    began = time.monotonic()
    time.sleep(SETTLE.total_seconds())
    while True:
        time.sleep(_LOOK_AGAIN)
        # The look first: what has begun since only makes the wait seem shorter.
        waited = timedelta(seconds=time.monotonic() - began)
        oldest = oldest_writer()
        if oldest is None or oldest < waited - SETTLE:
            return moment
        if waited >= PATIENCE:
            return min(moment, moment + waited - oldest - SETTLE)


def oldest_writer() -> timedelta | None:
    """Return the age of the oldest transaction that may hold a version, other than our own."""
    with driver() as connection:
        row = connection.execute(_OLDEST).fetchone()
    return None if row is None or row[0] is None else timedelta(seconds=float(row[0]))
