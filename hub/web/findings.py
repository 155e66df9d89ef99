"""What the auditor found, for the managers who can do something about it."""

from flask import Response

from hub import records
from hub.auth import current_actor
from hub.domain.errors import NotPermittedError
from hub.models.audit_finding import AuditFinding
from hub.services import findings
from hub.web.navigation import MANAGEMENT
from hub.web.presenters import findings as finding_words
from hub.web.presenters import words
from hub.web.rendering import page
from hub.web.site import blueprint


@blueprint.get("/findings")
def findings_page() -> Response:
    actor = current_actor()
    if actor.role not in MANAGEMENT:
        raise NotPermittedError("what the auditor found is for managers")
    records.spool.looked(actor, "page", "findings")
    return page(
        "findings/findings.html",
        rows=[_row(each) for each in findings.open_findings()],
        past=[_row(each) for each in findings.cleared()],
    )


def _row(finding: AuditFinding) -> dict[str, str | bool]:
    wrong, remedy = finding_words.words(finding.invariant)
    kind, _, key = finding.subject.partition("/")
    return {
        "wrong": wrong,
        "remedy": remedy,
        "subject": finding.subject,
        "href": f"/worklist/{key}" if kind == "Task" else "",
        "detail": finding.detail,
        "since": words.moment(finding.first_seen),
        "cleared": words.moment(finding.cleared_at),
        "critical": finding.invariant in findings.CRITICAL,
    }
