"""How a receiver says no: BaRS error codes in an OperationOutcome (guide, Error Handling).

A refusal never holds patient data: diagnostics name elements and codes of the standard only.
"""

from collections.abc import Iterable
from typing import Any

from fhir.messaging.codes import HTTP_ERROR_CODES, OUTCOME_PROFILE
from fhir.outcomes import Issue

_BARS_CODES = {
    400: "REC_BAD_REQUEST",
    401: "REC_UNAUTHORIZED",
    403: "REC_FORBIDDEN",
    404: "REC_NOT_FOUND",
    405: "REC_METHOD_NOT_ALLOWED",
    406: "REC_NOT_ACCEPTABLE",
    408: "REC_TIMEOUT",
    409: "REC_CONFLICT",
    413: "REC_BAD_REQUEST",
    415: "REC_UNSUPPORTED_MEDIA_TYPE",
    422: "REC_UNPROCESSABLE_ENTITY",
    429: "REC_TOO_MANY_REQUESTS",
    500: "REC_SERVER_ERROR",
    501: "REC_NOT_IMPLEMENTED",
    503: "REC_UNAVAILABLE",
}


def bars_code(status: int) -> str:
    """Return the receiver's error code for an HTTP status."""
    return _BARS_CODES.get(status, "REC_BAD_REQUEST" if status < 500 else "REC_SERVER_ERROR")


class MessageRefusedError(Exception):
    """The message is refused; ``outcome`` is what its sender gets."""

    def __init__(
        self,
        text: str,
        *,
        issue: str,
        status: int = 400,
        code: str | None = None,
        expression: str | None = None,
        issues: Iterable[Issue] = (),
    ) -> None:
        super().__init__(text)
        self.text = text
        self.issue = issue
        """Issue code of the first fault, such as ``invariant``."""
        self.status = status
        self.code = code or bars_code(status)
        self.issues = tuple(issues) or (Issue(code=issue, text=text, expression=expression),)

    def outcome(self, outcome_id: str) -> dict[str, Any]:
        """Return the OperationOutcome; its id lets both sides find the incident in their logs."""
        return {
            "resourceType": "OperationOutcome",
            "id": outcome_id,
            "meta": {"profile": [OUTCOME_PROFILE]},
            "issue": [self._entry(issue) for issue in self.issues],
        }

    def _entry(self, issue: Issue) -> dict[str, Any]:
        coding = {
            "system": HTTP_ERROR_CODES,
            "code": self.code,
            "display": f"{self.status} - {self.code}",
        }
        entry: dict[str, Any] = {
            "severity": issue.severity,
            "code": issue.code,
            "details": {"coding": [coding]},
            "diagnostics": issue.text,
        }
        if issue.expression:
            entry["expression"] = [issue.expression]
        return entry


def invariant(text: str, expression: str | None = None) -> MessageRefusedError:
    """Build the refusal of a message whose workflow variables fit no known workflow."""
    return MessageRefusedError(text, issue="invariant", expression=expression)


def required(text: str, expression: str | None = None) -> MessageRefusedError:
    return MessageRefusedError(text, issue="required", expression=expression)


def duplicate(text: str) -> MessageRefusedError:
    """Build the one answer that tells a sender "already done": 409 with issue ``duplicate``."""
    return MessageRefusedError(text, issue="duplicate", status=409)


def conflict(text: str, expression: str | None = None) -> MessageRefusedError:
    return MessageRefusedError(text, issue="conflict", status=409, expression=expression)


def not_found(text: str, expression: str | None = None) -> MessageRefusedError:
    return MessageRefusedError(text, issue="not-found", status=404, expression=expression)
