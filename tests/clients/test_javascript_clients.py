"""The JavaScript clients of SMART and Medplum against a running hub."""

from collections.abc import Callable
from typing import Any

Script = Callable[[str], dict[str, Any]]


def test_smarts_client_does_its_work(javascript: Script) -> None:
    assert javascript("smart.cjs") == {
        "release": 4,
        "created": "1",
        "updated": ["2", "female"],
        "patched": "other",
        "history": ["3", "2", "1"],
        "pages": ["Ada", "Bea", "Cal", "Dot", "Eve"],
        "resolved": "1941-05-04",
        "blind": 400,
        "seen": "2",
        "stale": 412,
        "transaction": "201 Created",
        "wrong": [400, True],
        "everything": ["Patient", "CarePlan", "Flag"],
        "operation": 404,
        "deleted": 410,
    }


def test_medplums_client_does_its_work(javascript: Script) -> None:
    assert javascript("medplum.mjs") == {
        "created": "1",
        "updated": "2",
        "read": "female",
        "first": "none",
        "patched": "3",
        "history": ["3", "2", "1"],
        "same": True,
        "pages": [["Ada", "Bea"], ["Cal", "Dot"], ["Eve"]],
        "one": "Cal",
        "blind": "required",
        "seen": "2",
        "stale": "conflict",
        "transaction": ["201 Created", "201 Created"],
        "wrong": ["code-invalid", "Patient.gender"],
        "unknown": "not-supported",
        "everything": ["Patient", "CarePlan"],
        "operation": "not-found",
        "deleted": "deleted",
        "stranger": "Unauthorized",
    }
