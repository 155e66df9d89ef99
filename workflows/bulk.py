"""Bulk exports and imports: a turn at a time, so that nothing urgent waits behind them."""

import time
from functools import partial

import psycopg
import structlog
from sqlalchemy.exc import OperationalError

from hub.api.bulk_content import given_away, supersede
from hub.services import bulk_jobs, exports, imports
from hub.services.bulk_jobs import LostError, Turn
from hub.transaction import current, transaction
from workflows.app import celery, sender
from workflows.handlers import Event, handler

log = structlog.get_logger(__name__)

TURN_SECONDS = 3.0
"""After the file or batch in which this has passed, the next job has its turn."""

LONGEST = 3_600
"""Seconds of one task: the lists of a very large hub are made in one go."""


@handler
def start(_event: Event) -> None:
    """BulkRequested: give the new job its turn at once."""
    opened = current()
    assert opened is not None
    opened.after_commit("bulk", partial(sender.hint, "workflows.bulk.work"))


@celery.task(  # type: ignore[untyped-decorator]
    name="workflows.bulk.work", soft_time_limit=LONGEST, time_limit=LONGEST + 30
)
def work() -> bool:
    """Give the next job one turn; False when there was none to give."""
    with transaction():
        turn = bulk_jobs.take_turn()
    if turn is None:
        return False
    try:
        _work_on(turn)
    except LostError:
        log.info("bulk job gone", job=turn.job_id)
    except (psycopg.OperationalError, OperationalError):
        # Without a database nothing can be given back: the lease runs out.
        raise
    except Exception:
        log.exception("bulk job failed", job=turn.job_id)
        with transaction():
            bulk_jobs.trip(turn)
    with transaction():
        more = bulk_jobs.is_due()
    if more:
        sender.hint("workflows.bulk.work")
    return True


def _work_on(turn: Turn) -> None:
    until = time.monotonic() + TURN_SECONDS
    if bulk_jobs.is_export(turn):
        more = exports.work(turn, given_away, until)
    else:
        more = imports.work(turn, supersede, until)
    if more:
        with transaction():
            bulk_jobs.end_turn(turn)


@celery.task(name="workflows.bulk.sweep")  # type: ignore[untyped-decorator]
def sweep() -> int:
    """Remove jobs whose time is over, and the files that a crash has left; return how many."""
    with transaction():
        expired = bulk_jobs.forget_expired()
    with transaction():
        return len(bulk_jobs.remove_folders(expired))
