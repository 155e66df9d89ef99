"""What an update removes and adds is the same whether all elements are looked at or only some."""

from typing import Any

from hub.records.row import Row, row_of, rows_apart
from tests.conformance.official_values import examples

_NARROW = ("strings", "dates", "quantities", "relationships")


def _neighbours(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the resource with each of its elements left out, and as it is."""
    names = [name for name in resource if name not in {"resourceType", "id"}]
    return [resource, *({k: v for k, v in resource.items() if k != name} for name in names)]


def _moved(old: Row, new: Row) -> list[set[Any]]:
    pairs = [(getattr(old, name), getattr(new, name)) for name in _NARROW]
    return [change for before, after in pairs for change in (before - after, after - before)]


def test_rows_of_what_differs_are_the_rows_that_differ() -> None:
    compared = 0
    for resource in examples():
        full = row_of(resource)
        for other in _neighbours(resource):
            row = row_of(other)
            for before, after, old, new in (
                (resource, other, full, row),
                (other, resource, row, full),
            ):
                found = rows_apart(before, after, new)
                assert _moved(*found) == _moved(old, new), resource["id"]
                compared += 1
    assert compared > 1000
