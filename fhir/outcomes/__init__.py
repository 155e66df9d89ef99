"""The tree of FHIR errors: each has an HTTP status, an issue code and becomes an OperationOutcome.

Statuses follow https://hl7.org/fhir/R4/http.html, issue codes
https://hl7.org/fhir/R4/valueset-issue-type.html::

    FHIRError
    ├── BadRequestError             400 invalid | structure | value | required | invariant ...
    │   └── InvalidResourceError    400 several issues, one per fault of the resource
    ├── UnauthorizedError           401 login
    ├── ForbiddenError              403 forbidden
    ├── NotFoundError               404 not-found
    ├── MethodNotAllowedError       405 not-supported
    ├── NotAcceptableError          406 not-supported
    ├── ConflictError               409 conflict | duplicate
    ├── GoneError                   410 deleted
    ├── VersionConflictError        412 conflict (If-Match)
    ├── MultipleMatchesError        412 multiple-matches
    ├── PreconditionFailedError     412 conflict (If-Match: *, If-None-Match: *)
    ├── TooLargeError               413 too-long
    ├── UnsupportedMediaTypeError   415 not-supported
    ├── UnprocessableError          422 business-rule | processing | too-costly ...
    ├── TooManyRequestsError        429 throttled
    └── UnavailableError            503 transient
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

MOST_ISSUES = 1_000
"""Nobody reads more, and an answer must not be many times the size of what was sent."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One entry of OperationOutcome.issue.

    ``expression`` is a FHIRPath such as ``Patient.name[0].family``; ``text`` says in plain words
    what is wrong and what is allowed. Neither ever holds patient data.
    """

    code: str
    text: str
    expression: str | None = None
    severity: str = "error"
    details_system: str | None = None
    details_code: str | None = None

    def as_json(self) -> dict[str, Any]:
        details: dict[str, Any] = {"text": self.text}
        if self.details_code:
            details = {
                "coding": [{"system": self.details_system, "code": self.details_code}],
                "text": self.text,
            }
        issue: dict[str, Any] = {"severity": self.severity, "code": self.code, "details": details}
        if self.expression:
            issue["expression"] = [self.expression]
        return issue


def operation_outcome(issues: Iterable[Issue], request_id: str | None = None) -> dict[str, Any]:
    """Build an OperationOutcome; ``request_id`` lets support find the request in the log."""
    found = list(issues)
    entries = [issue.as_json() for issue in found[:MOST_ISSUES]]
    if len(found) > MOST_ISSUES:
        left = Issue("informational", f"and {len(found) - MOST_ISSUES} more", None, "information")
        entries.append(left.as_json())
    if request_id:
        for entry in entries:
            entry["diagnostics"] = f"request {request_id}"
    return {"resourceType": "OperationOutcome", "issue": entries}


class FHIRError(Exception):
    """Base of every error that a client meets as an OperationOutcome."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "exception"

    def __init__(
        self,
        text: str,
        *,
        expression: str | None = None,
        code: str | None = None,
        issues: Iterable[Issue] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(text)
        self.text = text
        self.issues: tuple[Issue, ...] = tuple(issues) or (
            Issue(code=code or self.code, text=text, expression=expression),
        )
        self.headers = dict(headers or {})


class BadRequestError(FHIRError):
    status, code = 400, "invalid"


class InvalidResourceError(BadRequestError):
    """The resource breaks R4: every fault is one issue."""

    def __init__(self, issues: Iterable[Issue]) -> None:
        found = tuple(issues)
        super().__init__(found[0].text if found else "invalid resource", issues=found)


class UnauthorizedError(FHIRError):
    status, code = 401, "login"


class ForbiddenError(FHIRError):
    status, code = 403, "forbidden"


class NotFoundError(FHIRError):
    status, code = 404, "not-found"


class MethodNotAllowedError(FHIRError):
    status, code = 405, "not-supported"


class NotAcceptableError(FHIRError):
    status, code = 406, "not-supported"


class ConflictError(FHIRError):
    status, code = 409, "conflict"


class GoneError(FHIRError):
    status, code = 410, "deleted"


class VersionConflictError(FHIRError):
    """The version named by If-Match is not the current one. Nothing was written."""

    status, code = 412, "conflict"

    def __init__(self, reference: str, *, current: int, given: int) -> None:
        super().__init__(
            f"{reference} is at version {current}, not {given}: read it again, then change it"
        )
        self.reference = reference
        self.current = current
        self.given = given


class MultipleMatchesError(FHIRError):
    status, code = 412, "multiple-matches"


class PreconditionFailedError(FHIRError):
    """A record should be there and is not, or should not be and is. Nothing was written."""

    status, code = 412, "conflict"


class TooLargeError(FHIRError):
    status, code = 413, "too-long"


class UnsupportedMediaTypeError(FHIRError):
    status, code = 415, "not-supported"


class UnprocessableError(FHIRError):
    status, code = 422, "business-rule"


class TooManyRequestsError(FHIRError):
    status, code = 429, "throttled"


class UnavailableError(FHIRError):
    status, code = 503, "transient"
