"""Rate limits: points a minute for each registered system, by what its requests cost.

The count lives in Valkey, shared by all web processes. It may lose everything: then a client has
a fresh minute, which harms nobody. https://hl7.org/fhir/R4/http.html (429)
"""

import time
from collections.abc import Iterable

import redis
import structlog
from flask import current_app, request

from fhir.bundle import Entry
from fhir.outcomes import TooManyRequestsError, UnprocessableError
from hub.api.operations import ENDPOINTS, Operation
from hub.api.site import blueprint
from hub.auth import Grant, current_grant

READ, SEARCH, WRITE = 1, 20, 100
"""Points: a read is one indexed look, a search is many, a write is also told to subscribers."""
WINDOW = 60
_SEARCHES = ("fhir.search", "fhir.history")
_BUNDLE = "fhir.exchange"
"""Costs what its entries do: they are counted when they have been read."""

_log = structlog.get_logger()


def cost() -> int:
    """Return the points of this request."""
    endpoint = request.endpoint or ""
    if endpoint == _BUNDLE:
        return READ
    declared = ENDPOINTS.get(endpoint)
    if declared is not None:
        return _of_operation(declared)
    if endpoint.startswith(_SEARCHES):
        return SEARCH
    return READ if request.method in {"GET", "HEAD", "OPTIONS"} else WRITE


def limit() -> None:
    """Count this request; refuse it where the client's minute is spent."""
    grant = current_grant()
    if grant is not None and grant.rate_limit is not None:
        _charge(grant.actor.id, grant.rate_limit, cost())


blueprint.before_request(limit)


def charge_entries(grant: Grant | None, entries: Iterable[Entry]) -> None:
    """Count the entries of a bundle, before any is done."""
    if grant is None or grant.rate_limit is None:
        return
    points = sum(map(_of_entry, entries))
    if points > grant.rate_limit:
        raise UnprocessableError(
            f"the entries cost {points} points, and this client may spend {grant.rate_limit} a "
            "minute: send them in parts",
            code="too-costly",
            expression="Bundle.entry",
        )
    _charge(grant.actor.id, grant.rate_limit, points)


def _of_entry(entry: Entry) -> int:
    if entry.operation is not None:
        called = (each for each in ENDPOINTS.values() if each.name == entry.operation)
        return max((_of_operation(each) for each in called), default=READ)
    if entry.method not in {"GET", "HEAD"}:
        return WRITE
    # No id: a search. An empty version: the history.
    return SEARCH if entry.id is None or entry.version == "" else READ


def _of_operation(declared: Operation) -> int:
    """One that changes nothing looks at many records mostly; one that makes a job is work."""
    if declared.affects_state or "GET" in (declared.methods or ()):
        return WRITE
    return READ if declared.light else SEARCH


def _charge(client: str, allowed: int, points: int) -> None:
    moment = time.time()
    window = int(moment // WINDOW)
    spent = spend(f"carehub:rate:{client}:{window}", points)
    if spent > allowed:
        wait = WINDOW - int(moment % WINDOW)
        raise TooManyRequestsError(
            f"this client may spend {allowed} points a minute (read {READ}, "
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
