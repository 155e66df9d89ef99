"""Three hundred people who do not exist: drawn from a seed, the same every time.

NHS numbers are of the range that is never issued (999), telephone numbers of the ranges kept for
drama, streets invented. Names and stories are data (``people_words``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from hub.domain import nhs_number
from hub.domain.definition import HubDefinition

WORDS = Path(__file__).parent / "people_words"
COUNT = 300
SEED = 2026

_PRACTICE_GPS = {
    "y99001": ("priya-gp",),
    "y99002": ("andrew-hale",),
    "y99003": ("chidi-eze",),
    # Nobody has followed the partner who left: her list is shared by the neighbours.
    "y99004": ("andrew-hale", "chidi-eze"),
}
_COORDINATORS = ("jo-coordinator", "vikram-shah", "natalie-cross")
_SOCIAL_WORKERS = ("sol-social", "angela-brooks", "tanya-clarke")


@dataclass(frozen=True, slots=True)
class Carer:
    given: str
    family: str
    gender: str
    relation: str
    """A word: daughter, neighbour."""
    code: str
    """v3-RoleCode."""
    phone: str
    lives_with: bool


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """One synthetic person and what the hub is to know about them."""

    id: str
    nhs_number: str
    given: str
    family: str
    gender: str
    birth_date: date
    language: str
    street: str
    town: str
    postcode: str
    phone: str
    practice: str
    care_home: str | None
    carer: Carer
    story: Mapping[str, Any]
    frailty: int
    """Rockwood clinical frailty scale."""
    band: str
    gp: str
    coordinator: str
    social_worker: str | None
    allergy: str | None
    last_review: date
    next_review: date
    penned: date
    """When the plan was written with the person."""
    on_register: bool
    vacancy: str | None
    """Role whose holder has left."""
    service: str
    """Service of an open task."""
    task_in_days: int | None
    """When the open task is due, from today; None: no open task."""

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"


@cache
def _words(name: str) -> Mapping[str, Any]:
    said: Mapping[str, Any] = yaml.safe_load((WORDS / name).read_text("utf-8"))
    return said


def valid_nhs_number(nine: str) -> str | None:
    """Return nine digits with their check digit; None where it would have to be ten."""
    return next((nine + str(d) for d in range(10) if nhs_number.is_valid(nine + str(d))), None)


def nhs_numbers(first: int) -> Iterator[str]:
    """Yield valid numbers of the test range, from ``999`` and six digits on."""
    for number in range(first, 1_000_000):
        valid = valid_nhs_number(f"999{number:06d}")
        if valid:
            yield valid


def draw(
    definition: HubDefinition, today: date, *, count: int = COUNT, seed: int = SEED
) -> list[SamplePerson]:
    """Draw the people; dates are relative to ``today``, everything else follows from the seed."""
    numbers = nhs_numbers(100_000)
    return [
        _person(Random(f"{seed} {index}"), index, next(numbers), definition, today)  # noqa: S311
        for index in range(1, count + 1)
    ]


def _person(
    random: Random, index: int, number: str, definition: HubDefinition, today: date
) -> SamplePerson:
    stories: Sequence[Mapping[str, Any]] = _words("stories.yaml")["stories"]
    story = random.choices(stories, [each["weight"] for each in stories])[0]
    age = random.randint(*story["ages"])
    birth_date = today - timedelta(days=round(age * 365.25) + random.randint(1, 364))
    origins = _words("names.yaml")["origins"]
    origin = random.choices(origins, [each["weight"] for each in origins])[0]
    gender = random.choice(("female", "female", "male"))
    given = random.choice(origin[gender])
    family = random.choice(origin["family"])
    practices = [
        each.code
        for each in definition.organisations.values()
        if each.kind == "practice" and each.part_of == definition.gp_hub
    ]
    practice = random.choices(
        practices, [definition.organisations[code].population or 1 for code in practices]
    )[0]
    home = random.choice(story["home"]) if story.get("home") else None
    street, town, postcode = _address(random, definition, home)
    band = random.choice(story["bands"])
    on_register = bool(story.get("register")) and random.random() < 0.9
    interval = definition.review_days["eol.months" if on_register else f"risk.{band}"]
    penned = today - timedelta(days=random.randint(20, 300))
    # One in twelve has slipped past its review, so that the lists have something to show.
    overdue = random.random() < 0.08
    next_review = today + timedelta(
        days=-random.randint(1, 20) if overdue else random.randint(1, interval)
    )
    in_care = bool(story.get("social")) or (age >= 85 and random.random() < 0.3)
    return SamplePerson(
        id=f"person-{index:03d}",
        nhs_number=number,
        given=given,
        family=family,
        gender=gender,
        birth_date=birth_date,
        language=origin["language"] if random.random() < 0.5 else "en",
        street=street,
        town=town,
        postcode=postcode,
        phone=f"01632 960{random.randint(0, 999):03d}",
        practice=practice,
        care_home=home,
        carer=_carer(random, origin, gender, family, age),
        story=story,
        frailty=random.randint(*story["frailty"]),
        band=band,
        gp=random.choice(_PRACTICE_GPS[practice]),
        coordinator=_COORDINATORS[index % len(_COORDINATORS)],
        social_worker=random.choice(_SOCIAL_WORKERS) if in_care else None,
        allergy=random.choice(("penicillin", "trimethoprim", "latex", None, None, None)),
        last_review=max(penned, next_review - timedelta(days=interval)),
        next_review=next_review,
        penned=penned,
        on_register=on_register,
        # A coordinator and a GP who have left leave a gap with these few people.
        vacancy={7: "care-coordinator", 23: "accountable-gp", 71: "care-coordinator"}.get(index),
        service=random.choice(story["services"]),
        task_in_days=random.choice((0, 0, 1, 2, 5)) if index % 3 == 0 else None,
    )


def _address(random: Random, definition: HubDefinition, home: str | None) -> tuple[str, str, str]:
    place = _words("names.yaml")["streets"]["westcliff"]
    if home:
        organisation = definition.organisations[home]
        return organisation.name, place["town"], organisation.postcode
    street = f"{random.randint(1, 120)} {random.choice(place['names'])}"
    letters = "ABDEFGHJLN"
    inward = f"{random.randint(7, 9)}{random.choice(letters)}{random.choice(letters)}"
    return street, place["town"], f"{place['outward']} {inward}"


def _carer(random: Random, origin: Mapping[str, Any], gender: str, family: str, age: int) -> Carer:
    relations = [
        each
        for each in _words("names.yaml")["relations"]
        if each["word"] != ("wife" if gender == "female" else "husband")
        and not (age < 45 and each["word"] in {"son", "daughter"})
    ]
    relation = random.choice(relations)
    relative = relation["word"] not in {"neighbour", "friend"}
    names = origin if relative else _words("names.yaml")["origins"][0]
    return Carer(
        given=random.choice(names[relation["gender"]]),
        family=family if relative else random.choice(names["family"]),
        gender=relation["gender"],
        relation=relation["word"],
        code=relation["code"],
        phone=f"07700 900{random.randint(0, 999):03d}",
        lives_with=relation["word"] in {"wife", "husband"},
    )
