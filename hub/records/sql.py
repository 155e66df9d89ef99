"""Pieces of SQL with their parameters: names from the registry only, values always bound."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sql:
    text: str
    params: tuple[Any, ...] = ()


TRUE = Sql("TRUE")
FALSE = Sql("FALSE")


def all_of(parts: Iterable[Sql]) -> Sql:
    return _joined(" AND ", parts, TRUE)


def any_of(parts: Iterable[Sql]) -> Sql:
    return _joined(" OR ", parts, FALSE)


def negated(part: Sql) -> Sql:
    return Sql(f"NOT ({part.text})", part.params)


def _joined(word: str, parts: Iterable[Sql], empty: Sql) -> Sql:
    found = list(parts)
    if not found:
        return empty
    if len(found) == 1:
        return found[0]
    text = word.join(f"({part.text})" if " OR " in part.text else part.text for part in found)
    return Sql(text, tuple(p for part in found for p in part.params))


def like(text: str) -> str:
    """Escape what LIKE would read as a pattern."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


_MARKS = "[\u0300-\u036f]"


def folded(text: str) -> str:
    """Return the SQL that folds case, accents, typographic marks and spaces of a text.

    As ``fhir.search.text.normalised`` does, but for letters that fold to several.
    """
    plain = f"translate(lower({text}), '\u2019\u2018\u2010\u2011\u2013\u2014', '''''----')"
    bare = f"regexp_replace(normalize({plain}, NFKD), '{_MARKS}', '', 'g')"
    return f"btrim(regexp_replace({bare}, '\\s+', ' ', 'g'))"


def jsonpath(path: str) -> str:
    """Return the SQL/JSON path of a registry path; filters to a type are left to the caller."""
    steps = []
    for step in path.split(".") if path else []:
        name, bracket, rest = step.partition("[")
        attribute, equals, value = rest.rstrip("]").partition("=")
        condition = f' ? (@.{attribute} == "{value}")' if bracket and equals else ""
        # Lax mode: [*] of what is no array is the thing itself.
        steps.append(f'."{name}"[*]{condition}')
    return "$" + "".join(steps)
