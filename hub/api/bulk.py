"""Bulk jobs over HTTP: status, manifest, files, cancelling.

https://hl7.org/fhir/uv/bulkdata/export.html, https://hl7.org/fhir/R4/async.html
"""

import time
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from flask import Response, current_app, request, send_file
from werkzeug.http import http_date

from fhir.outcomes import FHIRError, Issue, NotFoundError, TooManyRequestsError
from fhir.systems import CAREHUB
from hub import clock
from hub.adapters import bulk_files
from hub.api import answers, negotiation, rates, site
from hub.api.site import blueprint
from hub.auth import current_actor
from hub.models.bulk import DELETED, ERROR, EXPORT, FAILED, OUTPUT, WAITING, BulkFile, BulkJob
from hub.records import access, instant
from hub.services import bulk_jobs, imports
from hub.transaction import transaction

NDJSON = "application/fhir+ndjson"
DETAILS = f"{CAREHUB}/bulk"
"""Name of our part of ``extension`` in a manifest and in each of its files."""

POLLS, POLL_WINDOW = 50, 10
"""Looks at one job in so many seconds: more is a loop that does not wait."""
SOON, LATER = "1", "5"
"""Retry-After of a young job, of one that takes longer."""
_YOUNG = timedelta(seconds=15)


def accepted(job_id: str, kind: str) -> Response:
    """Answer a kick-off: 202, and where to ask."""
    response = answers.of_issues(
        [
            Issue(
                "informational",
                f"the {kind} is accepted: ask at Content-Location",
                severity="information",
            )
        ],
        HTTPStatus.ACCEPTED,
    )
    response.headers["Content-Location"] = address(job_id)
    return response


def address(job_id: str, name: str | None = None) -> str:
    return f"{site.base()}/bulk/{job_id}" + (f"/{name}" if name else "")


def called() -> str:
    """Return the address of this request, as the client knows the hub."""
    base: str = current_app.config["CAREHUB"].base_url
    return f"{base}{request.full_path.rstrip('?')}"


@blueprint.get("/bulk/<job_id>")
def status(job_id: str) -> Response:
    """Say how far a job is, or give its manifest."""
    negotiation.check_accept()
    job = bulk_jobs.own(current_actor(), job_id)
    _check_pace(job_id)
    if job.status == WAITING:
        response = Response(status=HTTPStatus.ACCEPTED, content_type=negotiation.FHIR_JSON)
        response.headers["X-Progress"] = _progress(job)
        young = clock.now() - job.created_at < _YOUNG
        response.headers["Retry-After"] = SOON if young else LATER
        return response
    assert job.expires_at is not None
    if job.status == FAILED:
        raise _FailedError(f"the {job.kind} failed: {job.error}")
    response = answers.of_json(manifest(job, bulk_jobs.files(job_id)))
    response.content_type = "application/json"
    response.headers["Expires"] = http_date(job.expires_at)
    return response


class _FailedError(FHIRError):
    status, code = 500, "exception"


def _check_pace(job_id: str) -> None:
    window = int(time.time()) // POLL_WINDOW
    if rates.spend(f"carehub:bulk:{job_id}:{window}", 1) > POLLS:
        raise TooManyRequestsError(
            "asked too often: wait as long as Retry-After says",
            headers={"Retry-After": str(POLL_WINDOW)},
        )


def _progress(job: BulkJob) -> str:
    if job.kind == EXPORT and job.moment is None:
        return "waiting for its turn" if job.worker is None else "listing what is in it"
    share = 100 * job.done // job.total if job.total else 100
    if job.kind == EXPORT:
        return f"{share}%: {job.done} of {job.total} resources are written"
    return f"{share}%: {job.line} lines are settled, {job.refused} of them refused"


def manifest(job: BulkJob, files: list[BulkFile]) -> dict[str, Any]:
    """Build the manifest: section "Response - Output Manifest" of the guide."""
    assert job.moment is not None
    built: dict[str, Any] = {
        "transactionTime": instant(job.moment),
        "request": job.request,
        "requiresAccessToken": True,
        "output": _listed(job, files, OUTPUT),
    }
    if job.kind == EXPORT:
        built["deleted"] = _listed(job, files, DELETED)
    built["error"] = _listed(job, files, ERROR)
    if job.kind != EXPORT:
        built["extension"] = {DETAILS: imports.summary(job)}
    return built


def _listed(job: BulkJob, files: list[BulkFile], kind: str) -> list[dict[str, Any]]:
    return [
        {
            "type": "Bundle" if kind == DELETED else each.type,
            "url": address(job.id, each.name),
            "count": each.count,
            "extension": {DETAILS: {"sha256": each.digest, "size": each.size}},
        }
        for each in files
        if each.kind == kind
    ]


@blueprint.get("/bulk/<job_id>/<name>")
def file(job_id: str, name: str) -> Response:
    """Give one file of a finished job; parts of it by Range, and 304 for one that is known."""
    actor = current_actor()
    job = bulk_jobs.own(actor, job_id)
    found = next((each for each in bulk_jobs.files(job_id) if each.name == name), None)
    if job.status == WAITING or found is None or found.digest is None:
        raise NotFoundError("there is no such file: the manifest lists those of a finished job")
    if found.kind != ERROR:
        # Another token of the same client may have less than the one that asked.
        access.authorise(actor, "read", found.type)
    path = bulk_files.folder(job_id) / found.name
    if not path.exists():
        raise NotFoundError("the file is gone")
    with transaction():
        bulk_jobs.note_download(actor, job, found)
    return send_file(path, mimetype=NDJSON, etag=found.digest, conditional=True, max_age=0)


@blueprint.delete("/bulk/<job_id>")
def cancel(job_id: str) -> Response:
    """Cancel a job, or remove what a finished one has left."""
    negotiation.check_accept()
    with transaction():
        job = bulk_jobs.cancel(current_actor(), job_id)
    bulk_files.remove(job_id)
    said = f"the {job.kind} is gone, and its files with it"
    if job.kind != EXPORT:
        said = (
            f"{imports.written(job.counts)} resources of {job.line} lines were written and stay; "
            "nothing more will be"
        )
    return _told(said)


def _told(said: str) -> Response:
    issue = Issue("informational", said, severity="information")
    return answers.of_issues([issue], HTTPStatus.ACCEPTED)
