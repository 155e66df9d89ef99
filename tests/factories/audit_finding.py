"""A task without an owner, seen by the auditor just now."""

from typing import Any

from hub import clock
from hub.models.audit_finding import AuditFinding
from hub.records import new_id
from tests.factories import kept


def audit_finding(**columns: Any) -> AuditFinding:
    key = new_id()
    defaults = {
        "id": key,
        "invariant": "task-owner",
        "subject": f"Task/{key}",
        "detail": "owner missing",
        "first_seen": clock.now(),
        "last_seen": clock.now(),
    }
    return kept(AuditFinding(**defaults | columns))
