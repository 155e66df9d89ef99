"""Python's collector of cycles, set for processes that make many containers and few cycles."""

import gc

EVERY = 50_000
"""Containers that are made before the collector looks at the young ones: those of some requests.
Python's default is 700: it looks many times in one transaction, and finds next to nothing, since
what a request leaves behind is freed without it."""


def spare_what_is_built() -> None:
    """Have the collector pass over all that is there now, and look seldom at what comes.

    Called once the application is built: it lives as long as the process (docs/adr/0005).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(EVERY, 20, 50)
