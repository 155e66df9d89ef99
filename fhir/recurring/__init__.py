"""Functions of strings that come again: names, towns, dates, keys.

What was worked out of a short string is kept, least used first to go. A long one is a letter or an
attack: it does not come again, and thousands of them would fill the memory.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")

LONGEST = 256
"""Characters of a string that is kept: a key with its system and code has half of them."""


def kept(size: int) -> Callable[[Callable[[str], T]], Callable[[str], T]]:
    """Keep what a pure function of one string gave for the last ``size`` short ones."""

    def keeping(function: Callable[[str], T]) -> Callable[[str], T]:
        known = lru_cache(maxsize=size)(function)

        @wraps(function)
        def found(value: str) -> T:
            return known(value) if len(value) <= LONGEST else function(value)

        return found

    return keeping
