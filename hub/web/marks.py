"""Marks that say that a region changed: hashes of versions and of what time alone changes."""

import hashlib
from collections.abc import Iterable


def mark(parts: Iterable[object]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:24]
