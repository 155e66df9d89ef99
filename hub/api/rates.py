"""Rate limits: points a minute for each registered system, by what its requests cost.

The count lives in Valkey, shared by all web processes. It may lose everything: then a client has
a fresh minute, which harms nobody. https://hl7.org/fhir/R4/http.html (429)
"""

import time

import redis
import structlog
from flask import current_app, request

from fhir.outcomes import TooManyRequestsError
from hub.api.site import blueprint
from hub.auth import current_grant

READ, SEARCH, WRITE = 1, 20, 100
"""Points: a read is one indexed look, a search is many, a write is also told to subscribers."""
WINDOW = 60
_SEARCHES = frozenset(
    {
        "fhir.search",
        "fhir.search_by_form",
        "fhir.search_all",
        "fhir.search_all_by_form",
        "fhir.search_compartment",
        "fhir.search_compartment_by_form",
        "fhir.search_type_in_compartment",
        "fhir.search_type_in_compartment_by_form",
        "fhir.history",
        "fhir.operation-meta-system",
        "fhir.operation-meta-type-_fhirtype_resource_type_",
        "fhir.operation-expand-type-ValueSet",
        "fhir.operation-expand-instance-ValueSet",
    }
)
_SEARCHING = tuple(
    f"fhir.operation-{name}-" for name in ("everything", "match", "apply", "evaluate-measure")
)
"""Operations that read many records and change none, whatever their method."""
_READS = frozenset(
    {
        "fhir.operation-ValueSet-validate-code-type-ValueSet",
        "fhir.operation-ValueSet-validate-code-instance-ValueSet",
        "fhir.operation-CodeSystem-validate-code-type-CodeSystem",
        "fhir.operation-CodeSystem-validate-code-instance-CodeSystem",
        "fhir.operation-lookup-type-CodeSystem",
        "fhir.operation-subsumes-type-CodeSystem",
        "fhir.operation-subsumes-instance-CodeSystem",
    }
)
"""Operations that look one thing up, also where the question comes by POST."""
_JOBS = frozenset(
    {
        "fhir.operation-export-system",
        "fhir.operation-patient-export-type-Patient",
        "fhir.operation-group-export-instance-Group",
    }
)
"""A GET that makes work for hours costs what a write does."""

_log = structlog.get_logger()


def cost() -> int:
    """Return the points of this request."""
    endpoint = request.endpoint or ""
    if endpoint in _SEARCHES or endpoint.startswith(_SEARCHING):
        return SEARCH
    if request.endpoint in _READS:
        return READ
    if endpoint in _JOBS:
        return WRITE
    return READ if request.method in {"GET", "HEAD", "OPTIONS"} else WRITE


@blueprint.before_request
def limit() -> None:
    """Count this request; refuse it where the client's minute is spent."""
    grant = current_grant()
    if grant is None or grant.rate_limit is None:
        return
    moment = time.time()
    window = int(moment // WINDOW)
    spent = spend(f"carehub:rate:{grant.actor.id}:{window}", cost())
    if spent > grant.rate_limit:
        wait = WINDOW - int(moment % WINDOW)
        raise TooManyRequestsError(
            f"this client may spend {grant.rate_limit} points a minute (read {READ}, "
            f"search {SEARCH}, write {WRITE}): go on in {wait} seconds",
            headers={"Retry-After": str(wait)},
        )


def spend(key: str, points: int) -> int:
    """Add points to a counter and return its sum; 0 while Valkey is away."""
    store: redis.Redis = current_app.extensions["carehub_redis"]
    try:
        with store.pipeline() as pipeline:
            pipeline.incrby(key, points)
            pipeline.expire(key, 2 * WINDOW)
            return int(pipeline.execute()[0])
    except redis.RedisError:
        _log.warning("rate limit not counted: Valkey is away")
        return 0
