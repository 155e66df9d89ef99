"""One resource in both formats, and reading an answer whatever its format."""

import json
from typing import Any

from werkzeug.test import TestResponse

from fhir.xml import from_xml

FHIR_JSON = "application/fhir+json"
FHIR_XML = "application/fhir+xml"
AS_XML = f"{FHIR_XML}; charset=utf-8"

OBSERVATION = (
    '{"resourceType":"Observation","text":{"status":"generated",'
    '"div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">a&#160;b<br/></div>"},'
    '"status":"final","code":{"text":"Weight"},'
    '"effectiveDateTime":"2026-05-01T09:30:00.120+01:00",'
    '"valueQuantity":{"value":1.50,"unit":"kg"},'
    '"note":[{"text":"two\\nlines \\"quoted\\"","_text":{"extension":'
    '[{"url":"http://example.org/e","valueDecimal":2.0}]}}]}'
)
PATIENT = {"resourceType": "Patient", "name": [{"family": "Price"}], "birthDate": "1951-03-02"}


def value_of(response: TestResponse) -> Any:
    """Return an answer as a JSON value, whatever its format; the moment it was made is left out."""
    text = response.text
    if response.mimetype != FHIR_JSON:
        assert response.content_type.endswith("charset=utf-8")
        text = from_xml(response.data)
    value = json.loads(text, parse_float=str)
    if value["resourceType"] == "Bundle":
        value["meta"].pop("lastUpdated")
    return value
