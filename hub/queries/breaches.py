"""A breach of an invariant: what, where, and in what way."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import text

from hub.db import db


@dataclass(frozen=True, slots=True)
class Breach:
    """One record or row that breaks an invariant. Holds references, never patient data."""

    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Invariant:
    """Something that must hold in every hub at every moment."""

    name: str
    title: str
    find: Callable[[], Iterable[Breach]]


def by_sql(name: str, title: str, sql: str, **parameters: Callable[[], object]) -> Invariant:
    """Return an invariant whose breaches are rows (subject, detail) of a SELECT.

    Parameters are called when it runs: the instant is that of the run.
    """

    def find() -> Iterable[Breach]:
        rows = db.session.execute(text(sql), {key: value() for key, value in parameters.items()})
        return [Breach(subject, detail) for subject, detail in rows]

    return Invariant(name, title, find)
