"""The form of an expansion: nesting when parents are missing, doubled or in a circle."""

from typing import Any

from fhir.terminology.expansion import Form, expand
from tests.unit.fhir.terminology.trees import ANIMALS, asked, value_set

FORM = Form()


def tree(*include: dict[str, Any], held: tuple[dict[str, Any], ...] = ()) -> list[Any]:
    made = expand(asked(*held), value_set(*include), FORM, identifier="urn:uuid:x", timestamp="t")

    def shape(contains: list[dict[str, Any]]) -> list[Any]:
        return [
            (each["code"], shape(each["contains"])) if "contains" in each else each["code"]
            for each in contains
        ]

    return shape(made["expansion"].get("contains", []))


def test_a_code_stands_below_the_first_of_its_parents_that_is_there() -> None:
    assert tree({"system": ANIMALS}) == [
        ("animal", [("mammal", ["cat", "dodo", "whale"]), "swimmer"])
    ]
    assert tree({"system": ANIMALS, "concept": [{"code": "whale"}, {"code": "swimmer"}]}) == [
        ("swimmer", ["whale"])
    ]
    assert tree({"system": ANIMALS, "concept": [{"code": "whale"}, {"code": "animal"}]}) == [
        "whale",
        "animal",
    ]


def test_what_is_looked_for_is_flat() -> None:
    made = expand(
        asked(text="mammal"),
        value_set(
            {
                "system": ANIMALS,
                "concept": [{"code": "mammal"}, {"code": "cat", "display": "Mammal"}],
            }
        ),
        FORM,
        identifier="urn:uuid:x",
        timestamp="t",
    )

    assert [each["code"] for each in made["expansion"]["contains"]] == ["mammal", "cat"]


def test_only_what_may_be_chosen_can_be_asked_for() -> None:
    whole = value_set({"system": ANIMALS})
    form = Form(nested=False, selectable_only=True)
    made = expand(asked(), whole, form, identifier="urn:uuid:x", timestamp="t")

    assert made["expansion"]["total"] == 5
    assert "animal" not in [each["code"] for each in made["expansion"]["contains"]]


def test_a_circle_loses_nobody() -> None:
    circle = {
        "resourceType": "CodeSystem",
        "url": "urn:circle",
        "content": "complete",
        "concept": [
            {"code": "a", "property": [{"code": "parent", "valueCode": "c"}]},
            {"code": "b", "property": [{"code": "parent", "valueCode": "a"}]},
            {"code": "c", "property": [{"code": "parent", "valueCode": "b"}]},
        ],
    }

    assert tree({"system": "urn:circle"}, held=(circle,)) == [("c", [("a", ["b"])])]


def test_narrative_and_an_old_expansion_are_left_behind() -> None:
    said = value_set({"system": ANIMALS}) | {
        "id": "x",
        "text": {"status": "generated"},
        "_status": {"id": "s"},
        "expansion": {"timestamp": "old"},
    }
    made = expand(asked(), said, FORM, identifier="urn:uuid:x", timestamp="t")

    assert made.keys() == {"resourceType", "id", "url", "status", "_status", "expansion"}
    assert made["expansion"]["timestamp"] == "t"
