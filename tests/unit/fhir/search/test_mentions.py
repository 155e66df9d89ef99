"""References are found in a text as they would be in its parsed JSON."""

import json

from fhir.search.mentions import mentioned


def test_references_and_binaries_are_found_however_they_are_written() -> None:
    text = (
        '{"subject":{"reference":"Patient/1"},"a":{"reference" : "Practitioner\\/b.2-c"},'
        '"b":{"reference":"Task/3/_history/4"},"c":{"reference":"\\u0054ask/5"},'
        '"content":[{"attachment":{"url":"Binary/6"}}]}'
    )
    assert mentioned([text, '{"d":{"reference":"Patient/7"}}']) == {
        "Patient": {"1", "7"},
        "Practitioner": {"b.2-c"},
        "Task": {"3", "5"},
        "Binary": {"6"},
    }


def test_what_is_no_reference_to_a_record_of_ours_is_left_alone() -> None:
    quoted = json.dumps({"note": 'she wrote "reference":"Patient/1"', "id": "Patient/2"})
    others = [
        quoted,
        '{"a":{"reference":"https://example.org/fhir/Patient/3"},"b":{"reference":"#p"}}',
        '{"a":{"reference":"urn:uuid:5"},"b":{"reference":"Patient/\\"4"},"url":"Patient/6"}',
    ]
    assert mentioned(others) == {}
