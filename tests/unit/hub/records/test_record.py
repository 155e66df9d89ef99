"""A record of a page reads its instant when somebody asks."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hub.records import Record

AT = datetime(2026, 11, 27, 7, 54, 35, 556706, tzinfo=UTC)
ROW = ("a", 2, "2026-11-27 07:54:35.556706+00", False, '{"resourceType":"Task"}')


def test_it_is_the_record_that_is_read_by_its_id() -> None:
    found = Record.of_page("Task", ROW)

    assert found == Record("Task", "a", 2, AT, ROW[4])
    assert found.last_updated == AT
    assert replace(found, text="{}") == Record("Task", "a", 2, AT, "{}")


def test_a_whole_second_has_no_fraction() -> None:
    found = Record.of_page("Task", ("a", 1, "2026-01-01 00:00:00+00", True, "{}"))

    assert found.last_updated == datetime(2026, 1, 1, tzinfo=UTC)
    assert (found.managed, found.deleted) == (True, False)


def test_it_has_nothing_else() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = Record.of_page("Task", ROW).nothing
