"""Three-way merge: different fields both stay, the same field asks."""

import pytest

from hub.domain.plan_merge import FieldConflict, merge, merge_sets

BASE = {"a": "1", "b": "2"}


def test_different_fields_both_stay() -> None:
    merged = merge(BASE, {**BASE, "a": "theirs"}, {**BASE, "b": "ours", "c": "new"})

    assert merged.fields == {"a": "theirs", "b": "ours", "c": "new"}
    assert merged.conflicts == ()
    assert merged.changed == ("b", "c")


def test_the_same_field_keeps_all_three_texts() -> None:
    merged = merge(BASE, {**BASE, "a": "theirs"}, {**BASE, "a": "ours"})

    assert merged.conflicts == (FieldConflict("a", "1", "theirs", "ours"),)
    assert merged.fields["a"] == "theirs"


@pytest.mark.parametrize(
    ("theirs", "ours", "result"),
    [
        ("same", "same", "same"),
        ("1", "ours", "ours"),
        ("theirs", "1", "theirs"),
        ("", "1", ""),
        ("1", "", ""),
        ("", "", ""),
    ],
)
def test_one_side_only(theirs: str, ours: str, result: str) -> None:
    merged = merge({"a": "1"}, {"a": theirs}, {"a": ours})

    assert merged.conflicts == ()
    assert merged.fields.get("a", "") == result


def test_emptying_what_another_changed_is_a_conflict() -> None:
    assert merge({"a": "1"}, {"a": "2"}, {"a": ""}).conflicts == (FieldConflict("a", "1", "2", ""),)


def test_lists_keep_what_either_added_and_drop_what_either_removed() -> None:
    assert merge_sets(("a", "b"), ("a", "b", "c"), ("b", "d")) == ("b", "c", "d")
