"""A routing decision as a table: everybody who was asked, the best first, the barred last."""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.domain.routing import Decision
from hub.domain.routing_words import PART_WORDS


@dataclass(frozen=True, slots=True)
class Row:
    """One person who was asked."""

    reference: str
    name: str
    chosen: bool
    points: int | None
    """None: barred."""
    words: str
    """What counted for them, or what barred them."""
    asked: bool = True
    """False: the search ended before it came to them."""


@dataclass(frozen=True, slots=True)
class Shown:
    rows: list[Row]
    names: list[tuple[str, str]]
    """(reference, name) of all who were asked, by name: the choices of a question."""


def shown(decision: Decision) -> Shown:
    """Return the table of one decision; who was reached by no step says so."""
    candidates = {each.staff: each.name for each in decision.inputs.candidates}
    rows = [
        Row(
            each.staff,
            candidates[each.staff],
            each.staff == decision.owner,
            each.total,
            _parts(each.parts),
        )
        for each in decision.scores
    ]
    fitted = {each.reference for each in rows}
    barred: dict[str, str] = {}
    for excluded in decision.exclusions:
        barred.setdefault(excluded.staff, excluded.text)
    rows += [
        Row(staff, candidates[staff], False, None, _sentence(text))
        for staff, text in barred.items()
        if staff not in fitted
    ]
    known = {each.reference for each in rows}
    why = "Somebody nearer fitted" if decision.scores else "The service was closed"
    rows += [
        Row(staff, name, False, None, why, asked=False)
        for staff, name in candidates.items()
        if staff not in known
    ]
    return Shown(rows, sorted(candidates.items(), key=lambda each: each[1]))


def _parts(parts: dict[str, int]) -> str:
    told: Iterable[tuple[str, int]] = sorted(parts.items(), key=lambda each: -each[1])
    return _sentence(", ".join(f"{PART_WORDS.get(part, part)} {points}" for part, points in told))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
