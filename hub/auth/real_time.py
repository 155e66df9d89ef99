"""Real time, for what protects the door: sessions, tokens and throttling.

A simulated hub leaps through its day; nobody may be signed out, or let in again, by that.
"""

import time
from datetime import UTC, datetime


def real_now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
