"""Code systems that a resource lists: hierarchy, meaning of properties, odd definitions."""

from typing import Any

import pytest

from fhir.outcomes import FHIRError
from fhir.terminology import Chain, Listed, ListedCodeSystem, Outcome, Selection, relation
from tests.unit.fhir.terminology.trees import ANIMALS, RESOURCE

SYSTEM = ListedCodeSystem(RESOURCE)


def system(*concepts: dict[str, Any], **rest: Any) -> ListedCodeSystem:
    return ListedCodeSystem({"url": "urn:s", "content": "complete", "concept": concepts, **rest})


def test_a_concept_may_have_several_parents() -> None:
    assert SYSTEM.parents("whale") == ["mammal", "swimmer"]
    assert SYSTEM.ancestors("whale") == {"mammal", "swimmer", "animal"}
    assert list(SYSTEM.descendants("animal", 10)).count("whale") == 1


@pytest.mark.parametrize(
    ("a", "b", "outcome"),
    [
        ("animal", "whale", Outcome.SUBSUMES),
        ("whale", "swimmer", Outcome.SUBSUMED_BY),
        ("cat", "cat", Outcome.EQUIVALENT),
        ("cat", "whale", Outcome.NOT_SUBSUMED),
    ],
)
def test_codes_stand_to_each_other(a: str, b: str, outcome: Outcome) -> None:
    assert relation(SYSTEM, a, b) is outcome


def test_an_unknown_code_has_no_relationship() -> None:
    for a, b in (("cat", "yeti"), ("yeti", "cat"), ("yeti", "yeti")):
        with pytest.raises(FHIRError) as refused:
            relation(SYSTEM, a, b)
        assert refused.value.status == 404


@pytest.mark.parametrize("meaning", ["grouped-by", "part-of"])
def test_a_group_does_not_subsume_what_is_in_it(meaning: str) -> None:
    grouped = system({"code": "a", "concept": [{"code": "b"}]}, hierarchyMeaning=meaning)

    assert relation(grouped, "a", "b") is Outcome.NOT_SUBSUMED
    assert list(grouped.descendants("a", 5)) == []
    # It is still shown as a hierarchy.
    assert grouped.children("a") == ["b"]


@pytest.mark.parametrize("meaning", ["is-a", "classified-with"])
def test_a_class_subsumes_what_is_in_it(meaning: str) -> None:
    classes = system({"code": "a", "concept": [{"code": "b"}]}, hierarchyMeaning=meaning)

    assert relation(classes, "a", "b") is Outcome.SUBSUMES


def test_children_may_be_named_by_their_parent() -> None:
    named = system(
        {"code": "a", "property": [{"code": "child", "valueCode": "b"}]},
        {"code": "b", "property": [{"code": "parent", "valueCode": "nowhere"}]},
    )

    assert named.parents("b") == ["a"]


def test_a_circle_of_parents_ends() -> None:
    circle = system(
        {"code": "a", "property": [{"code": "parent", "valueCode": "b"}]},
        {"code": "b", "property": [{"code": "parent", "valueCode": "a"}]},
    )

    assert circle.ancestors("a") == {"b"}
    assert relation(circle, "a", "b") is Outcome.SUBSUMES


def test_a_code_that_stands_twice_is_one_concept() -> None:
    twice = system({"code": "a", "display": "first"}, {"code": "a", "display": "second"})
    found = twice.concept("a")

    assert found is not None
    assert found.display == "first"


def test_a_hierarchy_of_any_depth_is_read_or_refused() -> None:
    nested: dict[str, Any] = {"code": "c0"}
    for number in range(1, 150):
        nested = {"code": f"c{number}", "concept": [nested]}

    assert len(system(nested).ancestors("c0")) == 149
    for number in range(150, 5_000):
        nested = {"code": f"c{number}", "concept": [nested]}
    with pytest.raises(FHIRError, match="nested more than"):
        system(nested)


def test_marks_are_read_by_their_uri_or_their_customary_name() -> None:
    animal, dodo, cat = (SYSTEM.concept(code) for code in ("animal", "dodo", "cat"))
    usual = system({"code": "a", "property": [{"code": "inactive", "valueBoolean": True}]})

    assert animal is not None
    assert dodo is not None
    assert cat is not None
    assert (animal.abstract, animal.inactive) == (True, False)
    assert (dodo.abstract, dodo.inactive) == (False, True)
    assert (cat.abstract, cat.inactive) == (False, False)
    inactive = usual.concept("a")
    assert inactive is not None
    assert inactive.inactive


def test_what_says_only_why_it_is_absent_is_left_out() -> None:
    why = {"extension": [{"url": "urn:why", "valueCode": "unknown"}]}
    odd = system(
        {"_code": why, "display": "nothing"},
        {
            "code": "a",
            "property": [{"_code": why, "valueCode": "b"}, {"code": "size", "_valueDecimal": why}],
            "designation": [{"_value": why}],
        },
    )
    found = odd.concept("a")

    assert found is not None
    assert (found.properties, found.designations) == ((), ())
    assert len(odd.select(Selection())) == 1


def test_a_language_answers_for_its_regions_only_one_way() -> None:
    cat = SYSTEM.concept("cat")

    assert cat is not None
    assert [cat.shown(each) for each in (None, "de", "de-AT", "de-DE", "fr")] == [
        *("Cat", "Katze", "Katze", "Cat", "Cat")
    ]


def test_the_first_holdings_that_know_it_answer() -> None:
    other = RESOURCE | {"concept": [{"code": "yeti"}], "version": "1"}
    first, second = Listed([other]), Listed([RESOURCE])

    unversioned = Chain(first, second).code_system(ANIMALS, None)
    pinned = Chain(first, second).code_system(ANIMALS, "2")

    assert unversioned is not None
    assert unversioned.version == "1"
    assert pinned is not None
    assert pinned.version == "2"
    assert Chain(first, second).code_system(ANIMALS, "3") is None
    assert Chain(first, second).value_set("urn:none", None) is None


@pytest.mark.parametrize(
    ("versions", "newest"),
    [
        (["2.9", "2.10"], "2.10"),
        (["20240101", "20231231"], "20240101"),
        (["2.0-beta", "2.0", "2.0.1"], "2.0.1"),
        (["2.0-beta", "2.0"], "2.0"),
        (["", "1"], "1"),
    ],
)
def test_the_newest_version_is_meant_where_none_is_named(versions: list[str], newest: str) -> None:
    for listed in (versions, versions[::-1]):
        held = Listed([RESOURCE | {"version": version} for version in listed])
        found = held.code_system(ANIMALS, None)
        assert found is not None
        assert found.version == newest


def test_an_active_version_comes_before_a_newer_one_that_is_not() -> None:
    draft = RESOURCE | {"version": "9", "status": "draft"}

    for resources in ([draft, RESOURCE], [RESOURCE, draft]):
        found = Listed(resources).code_system(ANIMALS, None)
        assert found is not None
        assert found.version == "2"


@pytest.mark.parametrize("content", ["not-present", "supplement"])
def test_what_has_no_codes_of_its_own_is_not_held(content: str) -> None:
    held = Listed([RESOURCE | {"content": content}])

    assert held.code_system(ANIMALS, None) is None
    assert held.versions() == {}
