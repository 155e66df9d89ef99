"""Whether two sets of demographics are one person: a score for people, a link only on proof.

Source: the care model, section 11: a link is made automatically only on a valid, verified NHS
number and an equal date of birth; any other score suggests and a person decides.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from hub.domain import nhs_number

#: A score of this much is shown to the person who decides.
SUGGEST_FROM = 40
_WEIGHTS = {
    "NHS number": 50,
    "date of birth": 20,
    "family name": 14,
    "given name": 8,
    "postcode": 10,
    "sex": 2,
    "phone": 6,
}


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of a person."""

    reference: str | None = None
    """``Patient/<id>``; None for somebody who is asked about."""
    nhs_number: str | None = None
    nhs_number_verified: bool = False
    family: str | None = None
    given: tuple[str, ...] = ()
    birth_date: date | None = None
    gender: str | None = None
    postcode: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """How one known person compares: 0 to 100, with what agrees and what does not."""

    reference: str
    score: int
    agrees: tuple[str, ...]
    differs: tuple[str, ...]
    proof: bool
    """A valid, verified NHS number and an equal date of birth."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """``link`` is set only on proof; otherwise a person decides among ``suggestions``."""

    link: str | None
    suggestions: tuple[Match, ...]


def key(person: Identity) -> str | None:
    """Return the NHS number if it may be used as a key: one that fails modulus 11 never is."""
    if person.nhs_number is None or not nhs_number.is_valid(person.nhs_number):
        return None
    return nhs_number.normalise(person.nhs_number)


def assess(asked: Identity, known: Iterable[Identity]) -> Assessment:
    """Compare somebody with the people the hub knows, best first, ties by reference."""
    matches = sorted(
        (compare(asked, person) for person in known),
        key=lambda match: (-match.score, match.reference),
    )
    proven = [match for match in matches if match.proof]
    return Assessment(
        # Two records with one number are a fault that a person must look at.
        link=proven[0].reference if len(proven) == 1 else None,
        suggestions=tuple(match for match in matches if match.score >= SUGGEST_FROM),
    )


def compare(asked: Identity, known: Identity) -> Match:
    """Return how well a known person fits; what either side lacks does not count."""
    assert known.reference is not None
    found: list[tuple[str, float]] = []
    asked_key, known_key = key(asked), key(known)
    if asked_key and known_key:
        found.append(("NHS number", 1.0 if asked_key == known_key else 0.0))
    if asked.birth_date and known.birth_date:
        found.append(("date of birth", _dates(asked.birth_date, known.birth_date)))
    if asked.family and known.family:
        found.append(("family name", _names(asked.family, known.family)))
    if asked.given and known.given:
        found.append(("given name", max(_names(a, b) for a in asked.given for b in known.given)))
    if asked.postcode and known.postcode:
        found.append(("postcode", float(_plain(asked.postcode) == _plain(known.postcode))))
    if asked.gender and known.gender:
        found.append(("sex", float(asked.gender == known.gender)))
    if asked.phone and known.phone:
        found.append(("phone", float(_phone(asked.phone) == _phone(known.phone))))
    same_number = asked_key is not None and asked_key == known_key
    return Match(
        reference=known.reference,
        score=_score(found),
        agrees=tuple(name for name, share in found if share >= 0.85),
        differs=tuple(name for name, share in found if share < 0.85),
        proof=same_number
        and asked.nhs_number_verified
        and known.nhs_number_verified
        and asked.birth_date is not None
        and asked.birth_date == known.birth_date,
    )


def _score(found: list[tuple[str, float]]) -> int:
    """Share of the weight that both sides know, damped while they know little."""
    known = sum(_WEIGHTS[name] for name, _ in found)
    if not known:
        return 0
    points = sum(_WEIGHTS[name] * share for name, share in found)
    return round(100 * points / max(known, 40))


def _dates(one: date, other: date) -> float:
    if one == other:
        return 1.0
    # Day and month swapped, or one part wrong, are the usual slips of a keyboard.
    if (one.year, one.month, one.day) == (other.year, other.day, other.month):
        return 0.6
    equal = (one.year == other.year) + (one.month == other.month) + (one.day == other.day)
    return 0.5 if equal == 2 else 0.0


def _names(one: str, other: str) -> float:
    """Return the share of letter pairs that two names have in common (Dice)."""
    first, second = _plain(one), _plain(other)
    if first == second:
        return 1.0
    pairs, others = _pairs(first), _pairs(second)
    if not pairs or not others:
        return 0.0
    shared = 0
    left = list(others)
    for pair in pairs:
        if pair in left:
            left.remove(pair)
            shared += 1
    return 2 * shared / (len(pairs) + len(others))


def _pairs(text: str) -> list[str]:
    return [text[i : i + 2] for i in range(len(text) - 1)]


def _plain(text: str) -> str:
    """Lower case, no accents, letters and digits only: "O'Néill" and "ONeill" are one."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in decomposed if character.isalnum())


def _phone(text: str) -> str:
    digits = re.sub(r"\D", "", text)
    return digits.removeprefix("44").lstrip("0")
