"""Whether two sets of demographics are one person: a score for people, a link only on proof.

Source: the care model, section 11: a link is made automatically only on a valid, verified NHS
number and an equal date of birth; any other score suggests and a person decides. Proof is not
enough where the first name is another one: a number that was taken from the twin's record has the
right date of birth (``python -m tests.bench.matching`` counts such links; there is none).
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from fhir.recurring import kept
from hub.domain import given_names, nhs_number

#: A score of this much is shown to the person who decides.
SUGGEST_FROM = 40
#: Less alike than this, two first names are of two people, until a person has looked.
ANOTHER_NAME_BELOW = 0.6
_WEIGHTS = {
    "NHS number": 50,
    "date of birth": 20,
    "family name": 14,
    "given name": 12,
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
    first_name: float | None = None
    """How alike the first names are, 0 to 1; None where a side has none."""
    born_alike: bool = False
    """The dates of birth are equal."""

    @property
    def is_another_name(self) -> bool:
        return self.first_name is not None and self.first_name < ANOTHER_NAME_BELOW


@dataclass(frozen=True, slots=True)
class Assessment:
    """``link`` is set only on proof without doubt; else a person decides among ``suggestions``."""

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
    proven = certain(matches)
    return Assessment(
        link=proven.reference if proven else None,
        suggestions=tuple(match for match in matches if match.score >= SUGGEST_FROM),
    )


def certain(matches: Collection[Match]) -> Match | None:
    """Return the one match that is proven and that nothing speaks against."""
    proven = [match for match in matches if match.proof]
    # Two records with one number are a fault that a person must look at.
    if len(proven) != 1 or proven[0].is_another_name:
        return None
    (found,) = proven
    name = 1.0 if found.first_name is None else found.first_name
    # A twin is on record whose first name fits better: "Jean" with the number of Jeanette.
    if any(each.born_alike and (each.first_name or 0.0) > name for each in matches):
        return None
    return found


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
    first_name = None
    if asked.given and known.given:
        first_name = max(_first_names(a, b) for a in asked.given for b in known.given)
        found.append(("given name", first_name))
    if asked.postcode and known.postcode:
        found.append(("postcode", float(_plain(asked.postcode) == _plain(known.postcode))))
    if asked.gender and known.gender:
        found.append(("sex", float(asked.gender == known.gender)))
    if asked.phone and known.phone:
        found.append(("phone", float(_phone(asked.phone) == _phone(known.phone))))
    same_number = asked_key is not None and asked_key == known_key
    born_alike = asked.birth_date is not None and asked.birth_date == known.birth_date
    return Match(
        reference=known.reference,
        score=_score(found),
        agrees=tuple(name for name, share in found if share >= 0.85),
        differs=tuple(name for name, share in found if share < 0.85),
        proof=same_number
        and asked.nhs_number_verified
        and known.nhs_number_verified
        and born_alike,
        first_name=first_name,
        born_alike=born_alike,
    )


def _score(found: list[tuple[str, float]]) -> int:
    """Share of the weight that both sides know, damped while they know little."""
    known = sum(_WEIGHTS[name] for name, _ in found)
    if not known:
        return 0
    points = sum(_WEIGHTS[name] * share for name, share in found)
    return round(100 * points / max(known, 40))


def day_and_month_swapped(day: date) -> date | None:
    """Return 5 April for 4 May; None where there is no such day, or it is the same."""
    if day.day > 12 or day.day == day.month:
        return None
    return day.replace(month=day.day, day=day.month)


def _dates(one: date, other: date) -> float:
    if one == other:
        return 1.0
    # Day and month swapped, or one part wrong, are the usual slips of a keyboard.
    if day_and_month_swapped(one) == other:
        return 0.6
    equal = (one.year == other.year) + (one.month == other.month) + (one.day == other.day)
    return 0.5 if equal == 2 else 0.0


def _first_names(one: str, other: str) -> float:
    alike = _names(one, other)
    if alike < _CALLED and given_names.may_be_called(_plain(one), _plain(other)):
        return _CALLED
    return alike


#: "Peggy" for Margaret: as good as a name with a slip of the keyboard in it, not as the name.
_CALLED = 0.9


def _names(one: str, other: str) -> float:
    """Return how alike two names are: one slip apart, or by the letter pairs in common (Dice)."""
    first, second = _plain(one), _plain(other)
    if first == second:
        return 1.0
    longest = max(len(first), len(second))
    slip = 1 - 1 / longest if longest > 2 and _is_one_slip(first, second) else 0.0
    pairs, others = _pairs(first), _pairs(second)
    if not pairs or not others:
        return slip
    shared = 0
    left = list(others)
    for pair in pairs:
        if pair in left:
            left.remove(pair)
            shared += 1
    return max(slip, 2 * shared / (len(pairs) + len(others)))


def _is_one_slip(one: str, other: str) -> bool:
    """Whether a letter too many, one too few, another one or two exchanged makes the difference."""
    short, long = sorted((one, other), key=len)
    start = 0
    while start < len(short) and short[start] == long[start]:
        start += 1
    rest, tail = short[start:], long[start:]
    if len(long) == len(short):
        exchanged = len(rest) > 1 and (rest[0], rest[1]) == (tail[1], tail[0])
        return rest[1:] == tail[1:] or (exchanged and rest[2:] == tail[2:])
    return len(long) == len(short) + 1 and rest == tail[1:]


def _pairs(text: str) -> list[str]:
    return [text[i : i + 2] for i in range(len(text) - 1)]


@kept(8192)
def _plain(text: str) -> str:
    """Lower case, no accents, letters and digits only: "O'Néill" and "ONeill" are one."""
    if text.isascii() and text.isalpha():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in decomposed if character.isalnum())


def _phone(text: str) -> str:
    digits = re.sub(r"\D", "", text)
    return digits.removeprefix("44").lstrip("0")
