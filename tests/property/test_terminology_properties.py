"""Laws of terminology, on code systems and value sets that nobody wrote."""

import json
import re
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir.outcomes import FHIRError
from fhir.terminology import Composition, Listed, ListedCodeSystem, Outcome, relation
from fhir.terminology.expansion import Form, expand
from fhir.terminology.pattern import Pattern
from fhir.terminology.sctid import check_digit, is_valid
from fhir.validation import validate

URL = "urn:system"
CODES = [f"c{number}" for number in range(8)]

# An edge goes from a later code to an earlier one: no circle.
edges = st.sets(
    st.tuples(st.integers(0, 7), st.integers(0, 7))
    .map(sorted)
    .filter(lambda e: e[0] != e[1])
    .map(tuple),
    max_size=16,
)


def resource(links: set[tuple[int, ...]]) -> dict[str, Any]:
    return {
        "resourceType": "CodeSystem",
        "url": URL,
        "content": "complete",
        "caseSensitive": True,
        "concept": [
            {
                "code": code,
                "property": [
                    {"code": "parent", "valueCode": CODES[above]}
                    for above, below in sorted(links)
                    if CODES[below] == code
                ],
            }
            for code in CODES
        ],
    }


codes = st.sampled_from(CODES)
filters = st.builds(
    lambda op, value: {"property": "concept", "op": op, "value": value},
    st.sampled_from(["is-a", "descendent-of", "is-not-a", "generalizes", "=", "in", "not-in"]),
    codes,
)
parts = st.one_of(
    st.just({"system": URL}),
    st.builds(
        lambda each: {"system": URL, "filter": each}, st.lists(filters, min_size=1, max_size=2)
    ),
    st.builds(
        lambda each: {"system": URL, "concept": [{"code": code} for code in each]},
        st.lists(codes, min_size=1, max_size=4, unique=True),
    ),
)


@st.composite
def value_sets(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return value sets of which each may import those before it."""
    made: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 4))):

        def part() -> dict[str, Any]:
            imported = draw(
                st.lists(st.sampled_from([v["url"] for v in made]), max_size=2, unique=True)
                if made
                else st.just([])
            )
            own = draw(parts) if not imported or draw(st.booleans()) else {}
            return {**own, **({"valueSet": imported} if imported else {})}

        compose: dict[str, Any] = {"include": [part() for _ in range(draw(st.integers(1, 2)))]}
        if draw(st.booleans()):
            compose["exclude"] = [part()]
        made.append({"resourceType": "ValueSet", "url": f"urn:{number}", "compose": compose})
    return made


@given(edges)
def test_subsumption_is_a_partial_order(links: set[tuple[int, ...]]) -> None:
    system = ListedCodeSystem(resource(links))
    opposite = {
        Outcome.SUBSUMES: Outcome.SUBSUMED_BY,
        Outcome.SUBSUMED_BY: Outcome.SUBSUMES,
        Outcome.EQUIVALENT: Outcome.EQUIVALENT,
        Outcome.NOT_SUBSUMED: Outcome.NOT_SUBSUMED,
    }
    for a in CODES:
        for b in CODES:
            said = relation(system, a, b)
            assert (said is Outcome.EQUIVALENT) == (a == b)
            assert relation(system, b, a) is opposite[said]
            assert (said is Outcome.SUBSUMES) == (b in system.descendants(a, 10))
            for c in CODES:
                if said is relation(system, b, c) is Outcome.SUBSUMES:
                    assert relation(system, a, c) is Outcome.SUBSUMES


@given(edges, value_sets())
def test_enumerating_and_asking_agree(
    links: set[tuple[int, ...]], sets: list[dict[str, Any]]
) -> None:
    asked = Composition(Listed([resource(links), *sets]))
    for each in sets:
        members = set(asked.members(each))
        for code in [*CODES, "none"]:
            assert set(asked.holding(each, [(URL, code)])) == members & {(URL, code)}
        assert set(asked.holding(each, [(URL, code) for code in CODES])) == members


@given(edges, codes)
def test_a_filter_and_its_negation_share_out_the_codes(
    links: set[tuple[int, ...]], root: str
) -> None:
    asked = Composition(Listed([resource(links)]))

    def of(op: str) -> set[tuple[str, str]]:
        part = {"system": URL, "filter": [{"property": "concept", "op": op, "value": root}]}
        return set(asked.members({"url": "urn:x", "compose": {"include": [part]}}))

    everything = {(URL, code) for code in CODES}
    assert of("is-a") | of("is-not-a") == everything
    assert of("is-a") & of("is-not-a") == set()
    assert of("is-a") - of("descendent-of") == {(URL, root)}
    assert of("in") | of("not-in") == everything
    assert of("is-a") & of("generalizes") == {(URL, root)}


_atoms = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", "(a|b)", "(ab)"])
_pieces = st.tuples(_atoms, st.sampled_from(["", "*", "+", "?", "{2}", "{1,2}", "{0,}"])).map(
    "".join
)
_patterns = st.lists(
    st.lists(_pieces, min_size=1, max_size=4).map("".join), min_size=1, max_size=2
).map("|".join)


@given(_patterns, st.text(alphabet="ab1", max_size=6))
def test_patterns_match_what_pythons_own_match(pattern: str, value: str) -> None:
    assert Pattern(pattern).matches(value) is (re.fullmatch(pattern, value) is not None)


@given(st.integers(100, 10**13), st.integers(0, 20), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(item: int, place: int, change: int) -> None:
    digits = f"{item}00"
    right = digits + check_digit(digits)
    at = place % len(right)
    wrong = right[:at] + str((int(right[at]) + change) % 10) + right[at + 1 :]

    assert is_valid(right)
    assert not is_valid(wrong)


@given(st.integers(100, 10**13), st.integers(0, 20))
def test_two_neighbours_that_changed_places_are_noticed(item: int, place: int) -> None:
    digits = f"{item}00"
    right = digits + check_digit(digits)
    at = place % (len(right) - 1)
    swapped = right[:at] + right[at + 1] + right[at] + right[at + 2 :]

    assert is_valid(swapped) is (swapped == right)


_WHOLE_SYSTEM = {
    **resource({(0, 1), (1, 2)}),
    "status": "active",
    "version": "1",
    "caseSensitive": False,
    "property": [
        {"code": "parent", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code"},
        {"code": "size", "type": "decimal"},
    ],
    "concept": [
        {
            "code": "a",
            "display": "A",
            "designation": [{"language": "de", "use": {"code": "x"}, "value": "AA"}],
            "property": [{"code": "size", "valueDecimal": 1}],
            "concept": [{"code": "b", "property": [{"code": "parent", "valueCode": "a"}]}],
        }
    ],
}
_WHOLE_SET = {
    "resourceType": "ValueSet",
    "url": "urn:whole",
    "status": "active",
    "contained": [{**_WHOLE_SYSTEM, "id": "own", "url": "urn:own"}],
    "compose": {
        "inactive": False,
        "include": [
            {
                "system": URL,
                "version": "1",
                "concept": [{"code": "a", "designation": [{"value": "x"}]}],
            },
            {"system": URL, "filter": [{"property": "concept", "op": "is-a", "value": "a"}]},
            {"system": "#own"},
            {"valueSet": ["urn:other"]},
        ],
        "exclude": [
            {"system": URL, "filter": [{"property": "size", "op": "exists", "value": "true"}]}
        ],
    },
    "expansion": {"timestamp": "2026-01-01", "contains": [{"system": URL, "code": "a"}]},
}
_OTHER_SET = {
    "resourceType": "ValueSet",
    "url": "urn:other",
    "status": "active",
    "compose": {"include": [{"system": URL}]},
}


def absent() -> dict[str, Any]:
    return {"extension": [{"url": "urn:why", "valueCode": "unknown"}]}


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return (container, key) of everything inside a value."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        for key in value:
            found.append((value, key))
            found += places(value[key])
    elif isinstance(value, list):
        for number, each in enumerate(value):
            found.append((value, number))
            found += places(each)
    return found


@st.composite
def damaged(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """Return a resource with some members taken away, or given as absent, or changed."""
    made: dict[str, Any] = json.loads(json.dumps(whole))
    for _ in range(draw(st.integers(1, 3))):
        inside = places(made)
        container, key = draw(st.sampled_from(range(len(inside))).map(inside.__getitem__))
        kind = draw(st.sampled_from(["drop", "absent", "text"]))
        if isinstance(container, list):
            if kind != "drop" or len(container) == 1:
                continue
            del container[key]
        elif kind == "text" and isinstance(container[key], str):
            container[key] = draw(
                st.sampled_from(["a", "b", "urn:whole", "is-a", "concept", "#own"])
            )
        else:
            was = container.pop(key)
            if kind == "absent" and not isinstance(was, dict | list):
                container[f"_{key}"] = absent()
            elif kind == "absent" and isinstance(was, list) and isinstance(was[0], str):
                container[key], container[f"_{key}"] = [None], [absent()]
    return made


@given(damaged(_WHOLE_SYSTEM), damaged(_WHOLE_SET), damaged(_OTHER_SET))
@settings(max_examples=500, suppress_health_check=[HealthCheck.filter_too_much])
def test_what_is_legal_is_evaluated_or_refused(
    system: dict[str, Any], value_set: dict[str, Any], other: dict[str, Any]
) -> None:
    legal = [each for each in (system, value_set, other, _WHOLE_SET) if validate(each) == []]
    asked = Composition(Listed(legal), text=None)
    for each in legal:
        if each["resourceType"] != "ValueSet":
            continue
        with suppress(FHIRError):
            members = asked.members(each)
            held = asked.holding(each, list(members))
            assert held.keys() == members.keys()
        with suppress(FHIRError):
            expand(asked, each, Form(designations=True), identifier="urn:uuid:x", timestamp="t")
