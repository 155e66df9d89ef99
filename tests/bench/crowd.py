"""Invented people on record and the same people as referrers write them, drawn from a seed.

Records: a district with twins, with sons who carry their father's name, and with some people twice
(a list that is inflated). Cases: one referral each, with one slip or several of those that people
make with names, dates and numbers; and people who are not on record at all.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import Any

import yaml

from hub.domain.identity import Identity
from hub.samples.people import WORDS, nhs_numbers

#: What people are called, beside the name on their record. The hub has a longer list of its own.
CALLED = {
    "Margaret": "Peggy", "Dorothy": "Dot", "Patricia": "Pat", "Barbara": "Babs", "Susan": "Sue",
    "Christine": "Chris", "Valerie": "Val", "Pauline": "Paula", "Kenneth": "Ken", "Ronald": "Ron",
    "Raymond": "Ray", "Alan": "Al", "Dennis": "Den", "Geoffrey": "Geoff", "Terence": "Terry",
    "Michael": "Mick", "Stanley": "Stan", "Leonard": "Len", "John": "Jack", "Peter": "Pete",
    "Eileen": "Ellie", "Janet": "Jan", "Maureen": "Mo", "Graham": "Gray",
}  # fmt: skip
_TWINS, _NAMESAKES = 0.03, 0.03
"""Shares of the people who have a twin, or a son of the same name in the same house, on record."""


@dataclass(frozen=True, slots=True)
class Case:
    """Somebody as a referrer writes them, and which records are theirs (none: not on record)."""

    kind: str
    asked: Identity
    truth: frozenset[str]


@dataclass(slots=True)
class Crowd:
    records: list[Identity] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)


def draw(people: int, *, inflation: float, seed: int) -> Crowd:
    """Return so many people on record, a share of them twice, and one case for each and more."""
    random = Random(f"{seed} crowd")
    numbers = nhs_numbers(400_000)
    crowd = Crowd()
    persons: list[list[Identity]] = []
    twin_of: dict[int, Identity] = {}
    while len(persons) < people:
        one = _person(random, next(numbers))
        persons.append([one])
        chance = random.random()
        if chance < _TWINS:
            twin_of[len(persons) - 1] = twin = _twin(random, one, next(numbers))
            twin_of[len(persons)] = one
            persons.append([twin])
        elif chance < _TWINS + _NAMESAKES:
            persons.append([_namesake(random, one, next(numbers))])
    for each in random.sample(persons, round(inflation * len(persons))):
        each.append(_second_record(random, each[0]))
    for index, each in enumerate(persons):
        kept = [replace(one, reference=f"Patient/c{len(crowd.records) + n}")
                for n, one in enumerate(each)]  # fmt: skip
        crowd.records += kept
        truth = frozenset(str(one.reference) for one in kept)
        crowd.cases.append(_case(random, each[0], truth, twin_of.get(index), numbers))
    crowd.cases += _strangers(random, persons, numbers)
    return crowd


def _case(
    random: Random,
    person: Identity,
    truth: frozenset[str],
    twin: Identity | None,
    numbers: Iterator[str],
) -> Case:
    change: Slip
    if twin is not None and random.random() < 0.5:
        kind, change = "number of the twin", _numbered(twin.nhs_number)
    else:
        kind, change = random.choices(list(SLIPS.items()), list(_WEIGHTS.values()))[0]
    asked = change(random, person)
    if kind.startswith("another number"):
        asked = replace(asked, nhs_number=next(numbers))
    return Case(kind, replace(asked, reference=None), truth)


def _numbered(number: str | None) -> "Slip":
    return lambda _random, one: replace(one, nhs_number=number)


def _strangers(
    random: Random, persons: list[list[Identity]], numbers: Iterator[str]
) -> Iterator[Case]:
    """Yield people who are on no record: a tenth as many, half of them kin of somebody who is."""
    for each in random.sample(persons, len(persons) // 10):
        kin = random.random() < 0.5
        one = _twin(random, each[0], next(numbers)) if kin else _person(random, next(numbers))
        known = random.random() < 0.5
        yield Case(
            "not on record, a twin is" if kin else "not on record",
            one if known else _without_number(one),
            frozenset(),
        )
        # Whoever refers the twin takes the number from the screen of the one who is known.
        if kin and known:
            taken = replace(one, nhs_number=each[0].nhs_number)
            yield Case("not on record, number of the twin", taken, frozenset())


def _person(random: Random, number: str) -> Identity:
    origins = _words()["origins"]
    origin = random.choices(origins, [each["weight"] for each in origins])[0]
    gender = random.choice(("female", "male"))
    return Identity(
        nhs_number=number,
        nhs_number_verified=True,
        family=random.choice(origin["family"]),
        given=(random.choice(origin[gender]),),
        birth_date=date(1926, 1, 1) + timedelta(days=random.randrange(75 * 365)),
        gender=gender,
        postcode=_postcode(random),
        phone=_phone(random),
    )


def _twin(random: Random, one: Identity, number: str) -> Identity:
    origin = next(each for each in _words()["origins"] if one.family in each["family"])
    names = [each for each in origin[str(one.gender)] if each not in one.given]
    return replace(one, nhs_number=number, given=(random.choice(names),))


def _namesake(random: Random, one: Identity, number: str) -> Identity:
    assert one.birth_date is not None
    later = one.birth_date + timedelta(days=random.randint(20 * 365, 40 * 365))
    return replace(one, nhs_number=number, birth_date=later)


def _second_record(random: Random, one: Identity) -> Identity:
    """Return the person as another list has them: an old address, a slip, often no number."""
    old = replace(one, postcode=_postcode(random), phone=None)
    if random.random() < 0.3:
        return old
    slip = random.choice((_typo_in_family, _typo_in_given, _day_and_month, _same))
    return replace(slip(random, old), nhs_number=None, nhs_number_verified=False)


def _same(_random: Random, one: Identity) -> Identity:
    return one


def _unverified(_random: Random, one: Identity) -> Identity:
    return replace(one, nhs_number_verified=False)


def _without_number(one: Identity) -> Identity:
    return replace(one, nhs_number=None, nhs_number_verified=False)


def _digits_swapped(random: Random, one: Identity) -> Identity:
    number = list(str(one.nhs_number))
    places = [n for n in range(3, 9) if number[n] != number[n + 1]] or [2]
    at = random.choice(places)
    number[at], number[at + 1] = number[at + 1], number[at]
    return replace(one, nhs_number="".join(number))


def _typo(random: Random, word: str) -> str:
    """Return the word with a letter doubled, dropped, changed, or two of them in wrong order."""
    at = random.randrange(1, len(word) - 1)
    head, letter, tail = word[:at], word[at], word[at + 1 :]
    return random.choice(
        (
            head + letter + letter + tail,
            head + tail,
            head + random.choice("aeiourstn") + tail,
            head + tail[0] + letter + tail[1:],
        )
    )


def _typo_in_family(random: Random, one: Identity) -> Identity:
    return replace(one, family=_typo(random, str(one.family)))


def _typo_in_given(random: Random, one: Identity) -> Identity:
    return replace(one, given=(_typo(random, one.given[0]),))


def _day_and_month(random: Random, one: Identity) -> Identity:
    born = one.birth_date
    assert born is not None
    if born.day > 12 or born.day == born.month:
        return _wrong_day(random, one)
    return replace(one, birth_date=born.replace(day=born.month, month=born.day))


def _wrong_day(random: Random, one: Identity) -> Identity:
    """Return one part of the date wrong: the day, or a digit of the year."""
    born = one.birth_date
    assert born is not None
    if random.random() < 0.5:
        return replace(one, birth_date=born.replace(day=born.day % 28 + 1))
    return replace(one, birth_date=born.replace(day=min(born.day, 28), year=born.year + 10))


def _other_family(random: Random, one: Identity) -> Identity:
    origin = next(each for each in _words()["origins"] if one.family in each["family"])
    names = [each for each in origin["family"] if each != one.family]
    return replace(one, family=random.choice(names))


def _called(_random: Random, one: Identity) -> Identity:
    name = one.given[0]
    return replace(one, given=(CALLED.get(name, name[:3]),))


def _moved(random: Random, one: Identity) -> Identity:
    return replace(one, postcode=_postcode(random), phone=_phone(random))


Slip = Callable[[Random, Identity], Identity]


def _all(*slips: Slip) -> Slip:
    def change(random: Random, one: Identity) -> Identity:
        for each in slips:
            one = each(random, one)
        return one

    return change


def _nameless(*slips: Slip) -> Slip:
    """Return these slips of somebody whose NHS number is not given."""
    return _all(*slips, lambda _random, one: _without_number(one))


SLIPS: dict[str, Slip] = {
    "right": _same,
    "right, moved house": _moved,
    "right, called by another name": _called,
    "right, typing error in the first name": _typo_in_given,
    "right, married name": _other_family,
    "number not verified": _unverified,
    "two digits of the number swapped": _digits_swapped,
    "another number": _same,
    "verified, day and month swapped": _day_and_month,
    "no number": _nameless(),
    "no number, typing error in the family name": _nameless(_typo_in_family),
    "no number, typing error in the first name": _nameless(_typo_in_given),
    "no number, day and month swapped": _nameless(_day_and_month),
    "no number, day and month swapped, moved": _nameless(_day_and_month, _moved),
    "no number, a part of the birthday wrong": _nameless(_wrong_day),
    "no number, birthday wrong, moved": _nameless(_wrong_day, _moved),
    "no number, married name": _nameless(_other_family),
    "no number, married name, moved": _nameless(_other_family, _moved),
    "no number, called by another name": _nameless(_called),
    "no number, called by another name, moved": _nameless(_called, _moved),
    "no number, moved house": _nameless(_moved),
    "no number, error in the family name, moved": _nameless(_typo_in_family, _moved),
    "no number, married name, birthday wrong": _nameless(_other_family, _wrong_day),
    "another number, married name, moved": _all(_other_family, _moved),
    "digits swapped, day and month swapped": _all(_digits_swapped, _day_and_month),
}
_WEIGHTS = {kind: 12 if kind.startswith("right") else 4 for kind in SLIPS}


def _postcode(random: Random) -> str:
    letters = "ABDEFGHJLNPQRSTUWXYZ"
    tail = random.choice(letters) + random.choice(letters)
    return f"SS{random.randint(0, 9)} {random.randint(0, 9)}{tail}"


def _phone(random: Random) -> str:
    return f"01632 960{random.randint(0, 999):03d}"


@cache
def _words() -> dict[str, Any]:
    said: dict[str, Any] = yaml.safe_load((WORDS / "names.yaml").read_text("utf-8"))
    return said
