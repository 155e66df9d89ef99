"""What every refusal of the API has, and what none may have."""

import json
import re

from werkzeug.test import TestResponse

from fhir.outcomes import MOST_ISSUES
from fhir.validation import validate

LEAKS = re.compile(
    r"Traceback|\.py\b|psycopg|sqlalchemy|werkzeug|SELECT |INSERT |UPDATE |relation \"|"
    r"0x[0-9a-f]{8}"
)
"""Words of the inside: a stack, SQL, a library, an address in memory."""
BARS_CODE = '"REC_'
CANARY = "Zzcanaryzz"
"""Stands for patient data in what is sent; no refusal may repeat it."""
DEFINITION = re.compile(r"the (?:value set|code system) \S+ is not held here")
"""A value set that is asked for by name is a definition, nobody's data: the refusal names it."""


def assert_refused(answer: TestResponse) -> None:
    """Check an answer of the test client; one that is no refusal is fine too."""
    if answer.status_code >= 400:
        assert_refusal(
            answer.status_code,
            answer.content_type,
            answer.headers.get("X-Request-Id"),
            answer.data,
        )


def assert_refusal(status: int, media_type: str, request_id: str | None, body: bytes) -> None:
    """Check an answer of 400 or more: an OperationOutcome with the request's id and no leak."""
    text = body.decode()
    assert status < 500 or status == 503, text
    assert media_type.startswith("application/fhir+json"), media_type
    assert request_id
    outcome = json.loads(text)
    assert outcome["resourceType"] == "OperationOutcome", text
    assert validate(outcome) == [], text
    bars = BARS_CODE in text
    assert len(outcome["issue"]) <= MOST_ISSUES + 1
    for issue in outcome["issue"]:
        assert issue["severity"] in {"fatal", "error", "warning", "information"}
        if bars:
            # The messaging endpoint speaks as its standard wants: the words in diagnostics.
            assert issue["diagnostics"]
            continue
        assert issue["details"]["text"]
        assert request_id in issue.get("diagnostics", ""), text[:2000]
    assert not LEAKS.search(text), text
    assert CANARY not in DEFINITION.sub("", text), text
