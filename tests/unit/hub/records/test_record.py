"""A record of a page reads what it shows to nobody when somebody asks."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fhir.systems import MANAGED_TAG_CODE, MANAGED_TAG_SYSTEM
from hub.records import Record

AT = datetime(2026, 11, 27, 7, 54, 35, 556706, tzinfo=UTC)
TAG = f'{{"system":"{MANAGED_TAG_SYSTEM}","code":"{MANAGED_TAG_CODE}"}}'
TEXT = (
    '{"resourceType":"Task","id":"a","meta":{"versionId":"2",'
    f'"lastUpdated":"2026-11-27T07:54:35.556706Z","tag":[{TAG}]}}}}'
)
ROW = ("a", 2, TEXT)


def test_it_is_the_record_that_is_read_by_its_id() -> None:
    found = Record.of_page("Task", ROW)

    assert found == Record("Task", "a", 2, AT, TEXT, managed=True)
    assert found.last_updated == AT
    assert (found.managed, found.deleted) == (True, False)


def test_it_is_not_managed_without_the_tag_and_keeps_what_was_read() -> None:
    found = Record.of_page("Task", ("a", 2, TEXT.replace("carehub", "other")))

    assert found.managed is False
    assert replace(found, text="{}") == Record("Task", "a", 2, AT, "{}")


def test_it_has_nothing_else() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = Record.of_page("Task", ROW).nothing
