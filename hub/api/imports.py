"""$import: NDJSON in the body of the request, written by a worker, asked after like an export.

The hub fetches nothing: the client sends what is to be imported. An address to fetch from
(``Parameters`` with ``input.url``) is refused, whatever its scheme.
"""

from pathlib import Path
from typing import BinaryIO, cast

from flask import Response, current_app, request

from fhir.outcomes import BadRequestError, TooLargeError, UnsupportedMediaTypeError
from hub.adapters import bulk_files
from hub.adapters.bulk_files import INPUT, TooMuchError, TornError
from hub.api import bulk, negotiation
from hub.api.interactions import only
from hub.api.operations import Operation, Parameter, operation
from hub.auth import current_actor, current_grant
from hub.models.bulk import IMPORT
from hub.records import new_id
from hub.services import bulk_jobs, imports
from hub.transaction import transaction

BODIES = ("application/fhir+ndjson", "application/ndjson", "application/x-ndjson")


@operation(
    Operation(
        "import",
        "Write the resources of an NDJSON body, a line each, in the background. The body is sent "
        f"as {BODIES[0]}, as it is or with Content-Encoding: gzip; Prefer: respond-async is "
        "needed. Ids are kept where the client may choose ids. Lines that are refused are told "
        "by their number; the others are written.",
        (
            Parameter(
                "return",
                "OperationOutcome",
                use="out",
                min=1,
                documentation="With 202 and Content-Location: where its progress is told.",
            ),
        ),
        system=True,
        affects_state=True,
    )
)
def import_(_type: str | None, _id: str | None) -> Response:
    actor, grant = current_actor(), current_grant()
    only()
    _check_body()
    if not negotiation.wants_async():
        raise BadRequestError("an import runs in the background: send Prefer: respond-async")
    imports.check_may_import(actor)
    bulk_jobs.check_room(actor)
    job_id = new_id()
    path = bulk_files.new_folder(job_id) / INPUT
    try:
        size = _receive(path)
        with transaction():
            bulk_jobs.ask(
                actor,
                job_id,
                IMPORT,
                request=bulk.called(),
                asked={"own_ids": grant is not None and grant.own_ids},
                total=size,
            )
    except BaseException:
        bulk_files.remove(job_id)
        raise
    return bulk.accepted(job_id, IMPORT)


def _check_body() -> None:
    given = (request.mimetype or "").lower()
    if given in {"application/fhir+json", "application/json"}:
        raise UnsupportedMediaTypeError(
            f"the hub fetches nothing from an address: send the lines themselves as {BODIES[0]}"
        )
    if given not in BODIES:
        raise UnsupportedMediaTypeError(f"send the lines as {' or '.join(BODIES)}")
    if _encoding() not in {"", "identity", "gzip"}:
        raise UnsupportedMediaTypeError("Content-Encoding: gzip, or none")


def _encoding() -> str:
    return request.headers.get("Content-Encoding", "").strip().lower()


def _receive(path: Path) -> int:
    most = current_app.config["CAREHUB"].import_mb * 1024 * 1024
    too_much = TooLargeError(f"an import has at most {most >> 20} MB, inflated: send it in pieces")
    if (request.content_length or 0) > most:
        raise too_much
    try:
        size = bulk_files.receive(
            path, cast("BinaryIO", request.stream), most, gzipped=_encoding() == "gzip"
        )
    except TooMuchError:
        raise too_much from None
    except TornError:
        raise BadRequestError("the body is no gzip, or not all of it") from None
    if not size:
        raise BadRequestError("the body is empty: send one resource a line")
    return size
