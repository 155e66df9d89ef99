"""Damage to the bytes of a body, seeded so that a failure can be seen again."""

import random
from collections.abc import Iterator

_PIECES = [
    *(b"<", b">", b"/", b'"', b"&", b"&#0;", b"<!--", b"]]>", b"<!DOCTYPE x>"),
    b"\xff",
    b"\x00",
]


def damaged(body: bytes, *, seed: int, count: int) -> Iterator[bytes]:
    """Yield copies of a body with one to four bytes or pieces changed, doubled or lost."""
    chance = random.Random(seed)
    for _ in range(count):
        raw = bytearray(body)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(raw))
            lost = chance.choice((0, 1, 1, 30))
            raw[at : at + lost] = chance.choice(
                [bytes([chance.randrange(256)]), chance.choice(_PIECES), bytes(raw[at : at + 60])]
            )
        yield bytes(raw)
