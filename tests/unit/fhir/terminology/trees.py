"""An invented code system for the unit tests of terminology."""

from collections.abc import Sequence
from typing import Any

from fhir.terminology import Composition, Listed

ANIMALS = "https://example.org/CodeSystem/animals"

RESOURCE: dict[str, Any] = {
    "resourceType": "CodeSystem",
    "url": ANIMALS,
    "version": "2",
    "name": "Animals",
    "status": "active",
    "caseSensitive": True,
    "content": "complete",
    "property": [
        {"code": "legs", "type": "integer"},
        {"code": "tame", "type": "boolean"},
        {"code": "eats", "type": "code"},
        {"code": "kind-of", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code"},
        {"code": "status", "uri": "http://hl7.org/fhir/concept-properties#status", "type": "code"},
        {
            "code": "not-for-choice",
            "uri": "http://hl7.org/fhir/concept-properties#notSelectable",
            "type": "boolean",
        },
    ],
    "concept": [
        {
            "code": "animal",
            "display": "Animal",
            "property": [{"code": "not-for-choice", "valueBoolean": True}],
            "concept": [
                {
                    "code": "mammal",
                    "display": "Mammal",
                    "concept": [
                        {
                            "code": "cat",
                            "display": "Cat",
                            "definition": "Purrs.",
                            "designation": [{"language": "de-AT", "value": "Katze"}],
                            "property": [
                                {"code": "legs", "valueInteger": 4},
                                {"code": "tame", "valueBoolean": True},
                                {"code": "eats", "valueCode": "fish"},
                                {"code": "eats", "valueCode": "mouse"},
                            ],
                        },
                        {
                            "code": "dodo",
                            "display": "Dodo",
                            "property": [{"code": "status", "valueCode": "retired"}],
                        },
                    ],
                },
                {"code": "swimmer", "display": "Swimmer"},
            ],
        },
        {
            "code": "whale",
            "display": "Blue whale",
            "property": [
                {"code": "kind-of", "valueCode": "mammal"},
                {"code": "kind-of", "valueCode": "swimmer"},
                {"code": "legs", "valueInteger": 0},
                {"code": "tame", "valueBoolean": False},
            ],
        },
    ],
}


def value_set(
    *include: dict[str, Any],
    url: str = "https://example.org/vs",
    exclude: Sequence[dict[str, Any]] = (),
    **rest: Any,
) -> dict[str, Any]:
    compose: dict[str, Any] = {"include": list(include)}
    if exclude:
        compose["exclude"] = list(exclude)
    if "inactive" in rest:
        compose["inactive"] = rest.pop("inactive")
    return {
        "resourceType": "ValueSet",
        "url": url,
        "status": "active",
        "compose": compose,
        **rest,
    }


def asked(*held: dict[str, Any], **options: Any) -> Composition:
    return Composition(Listed([RESOURCE, *held]), **options)


def codes(composition: Composition, of: dict[str, Any]) -> list[str]:
    """Return the codes of a value set, having checked that asking one by one says the same."""
    members = composition.members(of)
    if composition.text is None:
        keys = [(ANIMALS, code) for code in ALL] + [(ANIMALS, "none"), ("urn:x", "cat")]
        assert set(composition.holding(of, keys)) == set(members) & set(keys)
    return [code for _, code in members]


ALL = ["animal", "mammal", "cat", "dodo", "swimmer", "whale"]
