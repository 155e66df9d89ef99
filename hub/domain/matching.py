"""Who should and who must not come to a person: wishes for a worker, conflicts of interest.

Source: the care model, section 5 ("language or gender where the person asked for it") and the
conflict of interest that every professional register asks its members to declare.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for about who comes to them."""

    code: str
    words: str
    """As it stands on the person's page."""
    gender: str | None = None
    """FHIR administrative gender of the worker."""
    only: bool = False
    """Nobody else, not even when nobody else is there."""


WISHES: Mapping[str, Wish] = {
    each.code: each
    for each in (
        Wish("worker-female", "Would rather a woman came", gender="female"),
        Wish("worker-male", "Would rather a man came", gender="male"),
        Wish("worker-female-only", "Seen by a woman only", gender="female", only=True),
        Wish("worker-male-only", "Seen by a man only", gender="male", only=True),
        Wish("own-language-only", "Needs somebody who speaks their language", only=True),
    )
}
"""Code of the flag -> wish. The language itself stands in ``Patient.communication``."""

CONFLICTS: Mapping[str, str] = {
    "family": "family or close friend",
    "complaint": "a complaint is open",
    "wish": "the person asked for somebody else",
    "safety": "not safe for one of them",
    "other": "another reason",
}
"""Reason code of a conflict of interest -> its words."""
