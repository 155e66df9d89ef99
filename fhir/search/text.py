"""How strings are compared: without case, accents and doubled spaces; and how names sound.

https://hl7.org/fhir/R4/search.html#string
"""

import re
import unicodedata

from fhir.recurring import kept

_TYPOGRAPHIC = str.maketrans({"’": "'", "‘": "'", "‐": "-", "‑": "-", "–": "-", "—": "-"})  # noqa: RUF001 - these are the characters meant


@kept(8192)
def normalised(value: str) -> str:
    """Fold case, accents, typographic quotes and spaces: ``Zoë  O’Brien`` -> ``zoe o'brien``."""  # noqa: RUF002 - the example needs it
    if value.isascii():
        return " ".join(value.lower().split())
    decomposed = unicodedata.normalize("NFKD", value.translate(_TYPOGRAPHIC).casefold())
    # Folding can compose anew: decompose and fold until nothing combines any more.
    folded = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
    return " ".join(folded.split())


def telephone(value: str) -> str:
    """Return a contact value as compared: digits and a plus of a number, folded otherwise."""
    if "@" in value or any(c.isalpha() for c in value):
        return " ".join(value.casefold().split())
    return "".join(c for c in value if c.isdigit() or c == "+")


_SOUNDS = {
    letter: digit
    for digit, letters in {
        "1": "bfpv",
        "2": "cgjkqsxz",
        "3": "dt",
        "4": "l",
        "5": "mn",
        "6": "r",
    }.items()
    for letter in letters
}


def sounds(value: str) -> list[str]:
    """Return the American Soundex of each word: what ``phonetic`` compares."""
    words = normalised(value).replace("-", " ").split()
    return [code for word in words if (code := _sound(word))]


@kept(8192)
def _sound(word: str) -> str:
    letters = [c for c in word if "a" <= c <= "z"]
    if not letters:
        return ""
    code, last = letters[0].upper(), _SOUNDS.get(letters[0], "")
    for letter in letters[1:]:
        digit = _SOUNDS.get(letter, "")
        if digit and digit != last:
            code += digit
        if letter not in "hw":
            last = digit
    return code[:4].ljust(4, "0")


def literal(value: str) -> str:
    """Escape what a search parameter would read as a list or a pair."""
    return re.sub(r"([,|$\\])", r"\\\1", value)
