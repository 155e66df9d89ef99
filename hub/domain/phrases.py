"""Phrases looked for in what people write: whole words, and not where they are denied."""

import re
from collections.abc import Iterable


def says(text: str, words: Iterable[str], unless: Iterable[str] = ()) -> bool:
    """Say whether a text has one of the phrases (lower case) outside of those of ``unless``."""
    plain = " ".join(re.findall(r"\w+(?:'\w+)?", text.casefold().replace("’", "'")))  # noqa: RUF001
    for phrase in unless:
        plain = _whole(phrase).sub(" ", plain)
    return any(_whole(phrase).search(plain) for phrase in words)


def _whole(phrase: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(phrase)}\b")
