"""docs/validation.md lists the invariants that are checked: those, and no others."""

import re
from pathlib import Path

from fhir.validation import accept
from fhir.validation.invariants import OWN_SENTENCES, RULES
from tests.unit.fhir.test_validation import NOT_HELD

PAGE = Path(__file__).parents[3] / "docs" / "validation.md"
_ROW = re.compile(r"^\| (.+?) \| (.+?) \|$", re.MULTILINE).findall
_KEY = re.compile(r"`([a-z]+-\d+)`").findall


def rows(heading: str) -> dict[str, str]:
    """Return the table that follows a heading or sentence."""
    table = PAGE.read_text("utf-8").partition(heading)[2].partition("\n\n|")[2]
    return dict(_ROW("|" + table.partition("\n\n")[0]))


def test_the_list_of_invariants_is_that_of_the_functions() -> None:
    assert accept.rules_of("Bundle")
    held: dict[str, set[str]] = {}
    for owner, rules in RULES.items():
        keys = rules.keys() - OWN_SENTENCES.keys()
        held.setdefault(owner.partition(".")[0], set()).update(keys)
    listed = {of: set(_KEY(keys)) for of, keys in rows("## Invariants").items()}
    assert {of: keys for of, keys in listed.items() if keys} == held


def test_what_is_held_elsewhere_or_by_itself_is_listed_too() -> None:
    listed = {
        key
        for heading in ("Checked elsewhere:", "Not checked:")
        for keys in rows(heading)
        for key in _KEY(keys)
    }
    assert listed - {"dom-6"} == set(NOT_HELD)
