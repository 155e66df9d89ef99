"""SNOMED CT over the rows of a release: hierarchy, reference sets, expressions, words."""

from pathlib import Path

import pytest
from flask import Flask

from fhir.outcomes import FHIRError
from fhir.terminology import Composition, Filter, Outcome, Selection, relation
from hub.domain.actor import hub_actor
from hub.records import snomed_membership, terminology
from hub.records.snomed import SnomedCodeSystem, release
from hub.services import snomed_releases
from hub.transaction import transaction
from tests.rf2 import ID, fruit, sctid

HUB = hub_actor("test")
SCT = "http://snomed.info/sct"
NAME = {concept: name for name, concept in ID.items()}


@pytest.fixture
def snomed(app: Flask, tmp_path: Path) -> SnomedCodeSystem:
    with transaction():
        snomed_releases.load(HUB, fruit().write(tmp_path))
    found = release(None)
    assert found is not None
    return found


OTHERS = [sctid(60_000 + number) for number in range(snomed_membership.FEW)]


def names(codes: object) -> set[str]:
    assert isinstance(codes, list | set | tuple | dict)
    return {NAME[code] for code in codes}


def selected(snomed: SnomedCodeSystem, *filters: Filter, text: str | None = None) -> set[str]:
    found = snomed.select(Selection(filters, text, 100))
    by_selection = names([each.code for each in found])
    # Enumerating and asking for given codes are two statements: they must agree.
    if text is None:
        assert names(snomed.holding(list(NAME), filters)) == by_selection
        # Few are walked from one by one, many together.
        assert names(snomed.holding([*NAME, *OTHERS], filters)) == by_selection
    return by_selection


@pytest.mark.parametrize(
    ("op", "root", "expected"),
    [
        ("is-a", "fruit", {"fruit", "apple", "berry", "strawberry"}),
        ("descendent-of", "fruit", {"apple", "berry", "strawberry"}),
        ("is-not-a", "fruit", {"thing", "red", "favourites"}),
        ("generalizes", "strawberry", {"strawberry", "berry", "fruit", "red", "thing"}),
        ("in", "favourites", {"strawberry", "red"}),
        ("not-in", "favourites", {"thing", "fruit", "apple", "berry", "favourites"}),
        ("=", "apple", {"apple"}),
        ("is-a", "old", set()),
    ],
)
def test_filters_on_a_concept(
    snomed: SnomedCodeSystem, op: str, root: str, expected: set[str]
) -> None:
    assert selected(snomed, Filter("concept", op, ID[root])) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("< {fruit}", {"apple", "berry", "strawberry"}),
        ("<< {berry} |Berry|", {"berry", "strawberry"}),
        ("<! {fruit}", {"apple", "berry"}),
        ("> {strawberry}", {"berry", "fruit", "red", "thing"}),
        (">> {berry}", {"berry", "fruit", "thing"}),
        (">! {strawberry}", {"berry", "red"}),
        ("^ {favourites}", {"strawberry", "red"}),
        ("<< {fruit} AND << {red}", {"strawberry"}),
        ("{apple} OR {berry}", {"apple", "berry"}),
        ("<< {fruit} MINUS ^ {favourites}", {"fruit", "apple", "berry"}),
        ("<< ({berry} OR {red}) , ^ {favourites}", {"strawberry", "red"}),
        ("< (< {thing} MINUS {red})", {"apple", "berry", "strawberry"}),
        ("/* all */ *", set(NAME.values()) - {"old"}),
        ("{old}", set()),
    ],
)
def test_expression_constraints(
    snomed: SnomedCodeSystem, expression: str, expected: set[str]
) -> None:
    wanted = Filter("constraint", "=", expression.format_map(ID))

    assert selected(snomed, wanted) == expected


def test_other_properties_filter_too(snomed: SnomedCodeSystem) -> None:
    assert selected(snomed, Filter("inactive", "=", "true")) == {"old"}
    assert selected(snomed, Filter("sufficientlyDefined", "=", "true")) == {"strawberry"}
    assert selected(snomed, Filter("parent", "=", ID["fruit"])) == {"apple", "berry"}
    assert selected(snomed, Filter("child", "=", ID["strawberry"])) == {"berry", "red"}
    assert selected(snomed, Filter("moduleId", "=", "900000000000207008")) == (
        set(NAME.values()) - {"old"}
    )
    assert selected(snomed, Filter("expressions", "=", "false")) == set(NAME.values()) - {"old"}


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (Filter("finding-site", "=", "1"), "not-supported"),
        (Filter("concept", "is-a", "12345"), "code-invalid"),
        (Filter("concept", "in", "12345"), "code-invalid"),
        (Filter("constraint", "=", "< 12345"), "not-supported"),
    ],
)
def test_a_filter_that_cannot_be_answered_is_refused(
    snomed: SnomedCodeSystem, wanted: Filter, code: str
) -> None:
    for ask in (
        lambda: snomed.select(Selection((wanted,))),
        lambda: snomed.holding([ID["apple"]], (wanted,)),
    ):
        with pytest.raises(FHIRError) as refused:
            ask()
        assert refused.value.issues[0].code == code


@pytest.mark.parametrize("few", [2_000, 0], ids=["few are called so", "many are"])
def test_words_are_found_by_their_beginnings(
    snomed: SnomedCodeSystem, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.records.snomed._FEW_NAMED", few)
    assert selected(snomed, text="brit straw") == {"strawberry"}
    assert selected(snomed, text="berry") == {"berry"}
    assert selected(snomed, text=ID["apple"]) == {"apple"}
    assert selected(snomed, text="':* | !") == set()
    assert selected(snomed, Filter("concept", "is-a", ID["red"]), text="in") == {
        "red",
        "strawberry",
    }
    inactive = Filter("inactive", "=", "true")
    assert selected(snomed, inactive, text="old") == {"old"}
    assert selected(snomed, Filter("inactive", "=", "false"), text="old") == set()


@pytest.mark.parametrize(
    "filters",
    [
        (),
        (Filter("concept", "is-a", ID["thing"]),),
        (Filter("concept", "descendent-of", ID["thing"]),),
        (Filter("constraint", "=", f"<< {ID['thing']}"),),
        (Filter("concept", "is-not-a", ID["apple"]),),
    ],
)
def test_a_selection_stops_above_its_limit(
    snomed: SnomedCodeSystem, filters: tuple[Filter, ...]
) -> None:
    assert len(snomed.select(Selection(filters, limit=3))) == 4
    assert len(snomed.select(Selection(filters, "in", limit=3))) == 4
    # As many as the limit are no more than it.
    assert len(snomed.select(Selection(filters, limit=7))) <= 7


def test_a_concept_has_its_preferred_term_and_its_names(snomed: SnomedCodeSystem) -> None:
    berry = snomed.concept(ID["berry"])
    old = snomed.concept(ID["old"])

    assert berry is not None
    assert old is not None
    # British English comes before American.
    assert berry.display == "Berry in Britain"
    assert {each.value for each in berry.designations} == {
        "Berry in Britain",
        "Berry in America",
        "Berry (invented)",
    }
    assert (berry.inactive, old.inactive) == (False, True)
    assert snomed.concept("138875005") is None
    assert snomed.concept("not-a-number") is None


def test_concepts_subsume_one_another_over_several_parents(snomed: SnomedCodeSystem) -> None:
    assert relation(snomed, ID["red"], ID["strawberry"]) is Outcome.SUBSUMES
    assert relation(snomed, ID["strawberry"], ID["fruit"]) is Outcome.SUBSUMED_BY
    assert relation(snomed, ID["apple"], ID["apple"]) is Outcome.EQUIVALENT
    assert relation(snomed, ID["apple"], ID["red"]) is Outcome.NOT_SUBSUMED
    assert names(snomed.descendants(ID["fruit"], 10)) == {"apple", "berry", "strawberry"}
    assert len(snomed.descendants(ID["fruit"], 1)) == 2
    assert names(snomed.parents(ID["strawberry"])) == {"berry", "red"}
    assert names(snomed.children(ID["fruit"])) == {"apple", "berry"}


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("", set(NAME.values()) - {"old"}),
        ("=isa/{fruit}", {"fruit", "apple", "berry", "strawberry"}),
        ("=refset/{favourites}", {"strawberry", "red"}),
        ("=ecl/<{fruit}", {"apple", "berry", "strawberry"}),
        ("=ecl/%3C%20{fruit}", {"apple", "berry", "strawberry"}),
    ],
)
def test_urls_of_snomed_ct_are_value_sets(
    snomed: SnomedCodeSystem, what: str, expected: set[str]
) -> None:
    asked = Composition(terminology.holdings(HUB))
    edition = f"{SCT}/900000000000207008"
    for url in (SCT, edition, f"{edition}/version/20260401"):
        value_set = asked.value_set(f"{url}?fhir_vs{what.format_map(ID)}")
        assert names([code for _, code in asked.members(value_set)]) == expected


@pytest.mark.parametrize("what", ["=isa/", "=nothing/1", "=ecl/"])
def test_other_urls_of_snomed_ct_are_none(snomed: SnomedCodeSystem, what: str) -> None:
    with pytest.raises(FHIRError) as refused:
        Composition(terminology.holdings(HUB)).value_set(f"{SCT}?fhir_vs{what}")
    assert refused.value.status == 404


def test_another_edition_is_not_held(snomed: SnomedCodeSystem) -> None:
    asked = Composition(terminology.holdings(HUB))

    assert asked.find_system(SCT, f"{SCT}/999000011000000103") is None
    assert asked.find_system(SCT, f"{SCT}/900000000000207008") is not None
    with pytest.raises(FHIRError, match="999000011000000103 is not held here"):
        asked.value_set(f"{SCT}/999000011000000103?fhir_vs")


def test_without_a_release_snomed_ct_is_not_held(app: Flask) -> None:
    with pytest.raises(FHIRError, match="is not held here"):
        Composition(terminology.holdings(HUB)).system(SCT)
