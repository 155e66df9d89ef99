"""Time-ordered ids (RFC 9562 UUID version 7): random ids cost write amplification."""

import os
import re
import time

_OURS = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}").fullmatch


def is_ours(record_id: str) -> bool:
    """Say whether an id looks as if the hub had given it; clients name theirs otherwise."""
    return _OURS(record_id) is not None


def new_id() -> str:
    """Return a UUIDv7 in its text form; its first 48 bits are real milliseconds, the rest random.

    Real time, not ``hub.clock``: in a simulated hub ids must still be unique and in order.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10))
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
