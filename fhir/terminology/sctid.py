"""SNOMED CT identifiers: digits, a partition that says what is named, a Verhoeff check digit.

https://confluence.ihtsdotools.org/display/DOCRELFMT/6+SNOMED+CT+Identifiers
"""

from typing import Final

CONCEPT: Final = "0"
DESCRIPTION: Final = "1"
RELATIONSHIP: Final = "2"

# The dihedral group of order ten, and the permutation by place: Verhoeff, 1969.
_PRODUCT = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_FIRST = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _permutations() -> tuple[tuple[int, ...], ...]:
    rows = [tuple(range(10))]
    for _ in range(7):
        rows.append(tuple(_FIRST[digit] for digit in rows[-1]))
    return tuple(rows)


_PLACES = _permutations()
_INVERSE = (0, 4, 3, 2, 1, 5, 6, 7, 8, 9)


def check_digit(digits: str) -> str:
    """Return the digit that makes ``digits`` an identifier."""
    found = 0
    for place, digit in enumerate(reversed(digits), 1):
        found = _PRODUCT[found][_PLACES[place % 8][int(digit)]]
    return str(_INVERSE[found])


def is_valid(text: str, kind: str = CONCEPT) -> bool:
    """Say whether a text is the identifier of a concept (or description, relationship)."""
    if not (6 <= len(text) <= 18 and text.isascii() and text.isdigit() and text[0] != "0"):
        return False
    if text[-2] != kind or text[-3] not in "01":
        return False
    found = 0
    for place, digit in enumerate(reversed(text)):
        found = _PRODUCT[found][_PLACES[place % 8][int(digit)]]
    return found == 0
