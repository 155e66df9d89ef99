"""Looking for a concept by its words: each word of the search begins a word of what it is called.

The same rule stands in TerminologyCapabilities.expansion.textFilter.
"""

import re
from collections.abc import Iterable

_WORD = re.compile(r"\w+")


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text, folded."""
    return tuple(_WORD.findall(text.casefold()))


def is_called(code: str, texts: Iterable[str], wanted: str) -> bool:
    """Say whether a concept is looked for: by its code, or by the beginnings of its words."""
    if code.casefold() == wanted.strip().casefold():
        return True
    asked = words(wanted)
    return bool(asked) and any(
        all(any(word.startswith(part) for word in said) for part in asked)
        for said in map(words, texts)
    )


def same(one: str, other: str) -> bool:
    """Compare two displays: case and runs of spaces do not matter."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()
