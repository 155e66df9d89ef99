"""``ValueSet.compose``: include, exclude, lists, filters, imports, versions, words."""

from typing import Any

import pytest

from fhir.outcomes import FHIRError
from fhir.terminology import Versions
from fhir.terminology.checking import Coding, Context, in_value_set
from tests.unit.fhir.terminology.trees import ALL, ANIMALS, RESOURCE, asked, codes, value_set


def filtered(prop: str, op: str, value: str) -> dict[str, Any]:
    return {"system": ANIMALS, "filter": [{"property": prop, "op": op, "value": value}]}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (("concept", "is-a", "mammal"), ["mammal", "cat", "dodo", "whale"]),
        (("concept", "descendent-of", "mammal"), ["cat", "dodo", "whale"]),
        (("concept", "is-not-a", "mammal"), ["animal", "swimmer"]),
        (("concept", "generalizes", "whale"), ["animal", "mammal", "swimmer", "whale"]),
        (("concept", "in", "cat, whale,none"), ["cat", "whale"]),
        (("code", "not-in", "cat,whale"), ["animal", "mammal", "dodo", "swimmer"]),
        (("code", "=", "cat"), ["cat"]),
        (("code", "regex", "[cw].*"), ["cat", "whale"]),
        (("display", "=", "Blue whale"), ["whale"]),
        (("display", "regex", ".*a.*"), ["animal", "mammal", "cat", "whale"]),
        (("definition", "exists", "true"), ["cat"]),
        (("designation", "=", "Katze"), ["cat"]),
        (("parent", "=", "swimmer"), ["whale"]),
        (("child", "=", "whale"), ["mammal", "swimmer"]),
        (("child", "exists", "false"), ["cat", "dodo", "whale"]),
        (("legs", "=", "4"), ["cat"]),
        (("legs", "in", "0,4"), ["cat", "whale"]),
        (("legs", "exists", "true"), ["cat", "whale"]),
        (("legs", "exists", "false"), ["animal", "mammal", "dodo", "swimmer"]),
        (("tame", "=", "true"), ["cat"]),
        (("tame", "=", "false"), ["whale"]),
        (("eats", "=", "mouse"), ["cat"]),
        (("eats", "not-in", "mouse"), ["animal", "mammal", "dodo", "swimmer", "whale"]),
        (("inactive", "=", "true"), ["dodo"]),
        (("abstract", "=", "true"), ["animal"]),
        (("status", "=", "retired"), ["dodo"]),
    ],
)
def test_filters(wanted: tuple[str, str, str], expected: list[str]) -> None:
    assert codes(asked(), value_set(filtered(*wanted))) == expected


def test_all_filters_of_an_include_hold() -> None:
    both = {
        "system": ANIMALS,
        "filter": [
            {"property": "concept", "op": "is-a", "value": "mammal"},
            {"property": "legs", "op": "exists", "value": "true"},
        ],
    }

    assert codes(asked(), value_set(both)) == ["cat", "whale"]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (("concept", "is-a", "unicorn"), "code-invalid"),
        (("legs", "is-a", "cat"), "not-supported"),
        (("wings", "=", "2"), "not-supported"),
        (("legs", "exists", "maybe"), "value"),
        (("code", "regex", "(a"), "not-supported"),
        (("code", "like", "a"), "not-supported"),
    ],
)
def test_a_filter_that_cannot_be_answered_is_refused(
    wanted: tuple[str, str, str], code: str
) -> None:
    refused_set = value_set(filtered(*wanted))
    with pytest.raises(FHIRError) as enumerating:
        asked().members(refused_set)
    with pytest.raises(FHIRError) as asking:
        asked().holding(refused_set, [(ANIMALS, "cat")])

    for refused in (enumerating.value, asking.value):
        assert (refused.status, refused.issues[0].code) == (422, code)


def test_a_whole_system_comes_in_its_order() -> None:
    assert codes(asked(), value_set({"system": ANIMALS})) == ALL


def test_a_list_keeps_its_order_and_its_words() -> None:
    listed = value_set(
        {
            "system": ANIMALS,
            "concept": [
                {"code": "whale", "display": "Whale", "designation": [{"value": "Moby Dick"}]},
                {"code": "cat"},
                {"code": "unicorn"},
            ],
        }
    )
    composition = asked()
    members = composition.members(listed)

    # What a wholly held code system does not have is no code.
    assert codes(composition, listed) == ["whale", "cat"]
    whale, cat = (member.concept for member in members.values())
    assert (whale.display, cat.display) == ("Whale", "Cat")
    assert set(whale.words()) == {"Whale", "Moby Dick", "Blue whale"}
    for display in ("Whale", "Moby Dick", "blue  WHALE"):
        coding = Coding(ANIMALS, "whale", display=display)
        assert in_value_set(composition, listed, coding, Context()).result


def test_a_list_of_a_system_that_is_not_held_is_all_that_is_known() -> None:
    listed = value_set({"system": "urn:x", "version": "7", "concept": [{"code": "a"}]})
    (member,) = asked().members(listed).values()

    assert (member.key, member.version) == (("urn:x", "a"), "7")
    assert asked().holding(listed, [("urn:x", "a"), ("urn:x", "b")]).keys() == {("urn:x", "a")}


def test_a_list_of_a_part_of_a_system_is_believed() -> None:
    part = RESOURCE | {"content": "fragment", "url": "urn:part"}
    listed = value_set({"system": "urn:part", "concept": [{"code": "unicorn"}, {"code": "cat"}]})

    assert [code for _, code in asked(part).members(listed)] == ["unicorn", "cat"]


def test_includes_add_and_excludes_take_away() -> None:
    both = value_set(
        {"system": ANIMALS, "concept": [{"code": "cat"}]},
        filtered("concept", "is-a", "mammal"),
        {"system": ANIMALS, "concept": [{"code": "animal"}]},
        exclude=[filtered("legs", "=", "0"), {"system": ANIMALS, "concept": [{"code": "dodo"}]}],
    )

    assert codes(asked(), both) == ["cat", "mammal", "animal"]


def test_the_words_of_the_first_include_stay() -> None:
    listed = {"system": ANIMALS, "concept": [{"code": "cat", "display": "Puss"}]}
    whole = {"system": ANIMALS}
    key = (ANIMALS, "cat")

    for both, display in (
        (value_set(listed, whole), "Puss"),
        (value_set(whole, listed), "Cat"),
    ):
        assert asked().members(both)[key].concept.display == display
        assert asked().holding(both, [key])[key].concept.display == display


def test_imports_of_one_include_are_what_all_have() -> None:
    mammals = value_set(filtered("concept", "is-a", "mammal"), url="urn:mammals")
    legs = value_set(filtered("legs", "exists", "true"), url="urn:legs")
    holdings = asked(mammals, legs)

    def of(*include: dict[str, Any], **rest: Any) -> list[str]:
        return codes(holdings, value_set(*include, **rest))

    assert of({"valueSet": ["urn:mammals"]}) == ["mammal", "cat", "dodo", "whale"]
    assert of({"valueSet": ["urn:mammals", "urn:legs"]}) == ["cat", "whale"]
    assert of({"valueSet": ["urn:mammals"], **filtered("tame", "=", "true")}) == ["cat"]
    assert of(
        {
            "valueSet": ["urn:mammals"],
            "system": ANIMALS,
            "concept": [{"code": "swimmer"}, {"code": "cat"}],
        }
    ) == ["cat"]
    assert of({"system": ANIMALS}, exclude=[{"valueSet": ["urn:mammals"]}]) == [
        "animal",
        "swimmer",
    ]
    # Two includes: what either has.
    assert of({"valueSet": ["urn:legs"]}, {"valueSet": ["urn:mammals"]}) == [
        "cat",
        "whale",
        "mammal",
        "dodo",
    ]


def test_an_import_may_name_a_version() -> None:
    old = value_set(filtered("code", "=", "cat"), url="urn:v", version="1")
    new = value_set(filtered("code", "=", "whale"), url="urn:v", version="2")
    holdings = asked(new, old)

    assert codes(holdings, value_set({"valueSet": ["urn:v|1"]})) == ["cat"]
    assert codes(holdings, value_set({"valueSet": ["urn:v"]})) == ["whale"]


def test_a_circle_of_imports_is_refused() -> None:
    one = value_set({"valueSet": ["urn:two"]}, url="urn:one")
    two = value_set({"system": ANIMALS}, {"valueSet": ["urn:one"]}, url="urn:two")
    holdings = asked(one, two)

    with pytest.raises(FHIRError, match="urn:one -> urn:two -> urn:one"):
        holdings.members(one)
    with pytest.raises(FHIRError, match="urn:one -> urn:two -> urn:one"):
        holdings.holding(one, [(ANIMALS, "cat")])


def test_a_long_chain_of_imports_is_too_costly() -> None:
    chain = [value_set({"valueSet": [f"urn:{n + 1}"]}, url=f"urn:{n}") for n in range(30)]

    with pytest.raises(FHIRError) as refused:
        asked(*chain).members(chain[0])
    assert refused.value.issues[0].code == "too-costly"


def test_imports_that_double_at_every_level_are_too_costly() -> None:
    levels = [
        value_set({"valueSet": [f"urn:{n + 1}"]}, {"valueSet": [f"urn:{n + 1}"]}, url=f"urn:{n}")
        for n in range(18)
    ]
    bottom = value_set({"system": ANIMALS}, url="urn:18")
    holdings = asked(*levels, bottom)

    with pytest.raises(FHIRError) as refused:
        holdings.members(levels[0])
    assert refused.value.issues[0].code == "too-costly"
    # The next question starts anew.
    assert len(holdings.members(levels[10])) == len(ALL)


def test_the_same_value_set_may_be_imported_twice() -> None:
    cats = value_set(filtered("code", "=", "cat"), url="urn:cats")
    twice = value_set({"valueSet": ["urn:cats"]}, {"valueSet": ["urn:cats"]})

    assert codes(asked(cats), twice) == ["cat"]


def test_contained_definitions_are_used() -> None:
    contained = value_set(
        {"system": "#own"},
        {"valueSet": ["#cats"]},
        contained=[
            {
                "resourceType": "CodeSystem",
                "id": "own",
                "url": "urn:own",
                "content": "complete",
                "concept": [{"code": "a"}],
            },
            {**value_set(filtered("code", "=", "cat"), url="urn:cats"), "id": "cats"},
        ],
    )
    keys = [("urn:own", "a"), (ANIMALS, "cat")]

    assert list(asked().members(contained)) == keys
    assert list(asked().holding(contained, [*keys, ("urn:own", "b")])) == keys
    for wrong in ({"system": "#cats"}, {"valueSet": ["#own"]}, {"valueSet": ["#none"]}):
        with pytest.raises(FHIRError, match="is not contained"):
            asked().members({**contained, "compose": {"include": [wrong]}})


def test_inactive_codes_stay_unless_somebody_says_otherwise() -> None:
    whole = {"system": ANIMALS}

    assert "dodo" in codes(asked(), value_set(whole))
    assert "dodo" in codes(asked(), value_set(whole, inactive=True))
    assert "dodo" not in codes(asked(), value_set(whole, inactive=False))
    assert "dodo" not in codes(asked(active_only=True), value_set(whole, inactive=True))


def test_a_text_filter_looks_at_the_words_of_each_place() -> None:
    listed = {"system": ANIMALS, "concept": [{"code": "dodo", "display": "Blue bird"}]}
    both = value_set(listed, {"system": ANIMALS})

    assert codes(asked(text="blu"), both) == ["dodo", "whale"]
    assert codes(asked(text="wha BLUE"), both) == ["whale"]
    assert codes(asked(text="katz"), both) == ["cat"]
    assert codes(asked(text="ale"), both) == []
    assert codes(asked(text="!"), both) == []


def test_versions_of_code_systems_are_chosen() -> None:
    newer = RESOURCE | {"version": "10", "concept": [{"code": "yeti"}]}
    free, pinned = {"system": ANIMALS}, {"system": ANIMALS, "version": "2"}

    def of(part: dict[str, Any], **versions: dict[str, str]) -> list[str]:
        found = asked(newer, versions=Versions(**versions)).members(value_set(part))
        return [code for _, code in found]

    # 10 is newer than 2.
    assert of(free) == ["yeti"]
    assert of(pinned) == ALL
    assert of(free, default={ANIMALS: "2"}) == ALL
    assert of(pinned, default={ANIMALS: "10"}) == ALL
    assert of(pinned, forced={ANIMALS: "10"}) == ["yeti"]
    assert of(free, checked={ANIMALS: "2"}) == ALL
    assert of(pinned, checked={ANIMALS: "2"}) == ALL
    with pytest.raises(FHIRError, match="check-system-version"):
        of(pinned, checked={ANIMALS: "10"})
    with pytest.raises(FHIRError, match=r"animals\|3 is not held here"):
        of(free, default={ANIMALS: "3"})


def test_code_systems_can_be_left_out() -> None:
    whole = value_set({"system": ANIMALS})

    assert codes(asked(excluded=frozenset({ANIMALS})), whole) == []
    assert codes(asked(excluded=frozenset({f"{ANIMALS}|2"})), whole) == []
    assert codes(asked(excluded=frozenset({f"{ANIMALS}|3"})), whole) == ALL


def test_what_has_only_an_expansion_is_that() -> None:
    only = {
        "resourceType": "ValueSet",
        "url": "urn:x",
        "status": "active",
        "expansion": {
            "contains": [
                {
                    "system": ANIMALS,
                    "abstract": True,
                    "code": "mammal",
                    "contains": [{"system": ANIMALS, "code": "cat", "display": "Puss"}],
                },
                {"display": "a heading", "contains": [{"system": ANIMALS, "code": "whale"}]},
            ]
        },
    }

    assert codes(asked(), only) == ["mammal", "cat", "whale"]
    assert asked().members(only)[ANIMALS, "cat"].concept.display == "Puss"


def test_a_value_set_without_a_definition_is_refused() -> None:
    with pytest.raises(FHIRError, match="has no definition"):
        asked().members({"resourceType": "ValueSet", "url": "urn:x", "status": "draft"})


def test_the_limit_is_one_of_codes() -> None:
    whole = value_set({"system": ANIMALS})

    assert len(asked(limit=6).members(whole)) == 6
    with pytest.raises(FHIRError) as refused:
        asked(limit=5).members(whole)
    assert (refused.value.status, refused.value.issues[0].code) == (422, "too-costly")
    # Two parts that are small enough, together too large.
    parts = value_set(
        filtered("concept", "is-a", "mammal"), filtered("concept", "is-not-a", "mammal")
    )
    with pytest.raises(FHIRError):
        asked(limit=5).members(parts)
    # Whether a code is in it can be asked of any size.
    assert asked(limit=1).holding(whole, [(ANIMALS, "cat")]).keys() == {(ANIMALS, "cat")}


def test_codes_without_case_are_found_however_they_are_spelt() -> None:
    loose = {
        "resourceType": "CodeSystem",
        "url": "urn:loose",
        "status": "active",
        "caseSensitive": False,
        "content": "complete",
        "concept": [{"code": "Up", "display": "Up"}],
    }
    holdings = asked(loose)
    for part in ({"system": "urn:loose"}, {"system": "urn:loose", "concept": [{"code": "UP"}]}):
        verdict = in_value_set(holdings, value_set(part), Coding("urn:loose", "uP"), Context())
        assert verdict.result, part
    assert not in_value_set(
        asked(), value_set({"system": ANIMALS}), Coding(ANIMALS, "CAT"), Context()
    ).result
