"""Bulk jobs: asked for, taken in turns under a lease, finished, cancelled, expired.

A turn is a few seconds of work, so that a long job holds up nobody. Who holds a job says so by
its leases; one that says nothing for ``LEASE`` is dead, and another goes on where it stopped.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import delete, exists, func, or_, select, text, update

from fhir.outcomes import NotFoundError, TooManyRequestsError
from hub import clock, records
from hub.adapters import bulk_files
from hub.db import db
from hub.domain.actor import Actor, ActorKind
from hub.domain.scopes import uncovered
from hub.models.account import Account
from hub.models.bulk import DONE, EXPORT, FAILED, WAITING, BulkFile, BulkJob
from hub.models.client import Client
from hub.settings import Settings

LEASE = timedelta(seconds=20)
"""Much longer than a worker is ever silent; how long a dead one holds up the others."""
CLAIMS = 6
"""A job that did not get on in so many turns is given up."""
BACK_OFF = timedelta(seconds=2)
"""Wait after a turn that failed, for each turn since the job last got on."""
LEFT_OVER = 3600.0
"""Seconds after which a folder that no row speaks of is what a crash has left."""

_TURNS, _LISTS = 7_203, 7_204
"""Advisory locks: one is given a turn at a time; the lists of a job are being made."""


class LostError(Exception):
    """The job was cancelled, or another worker has it: stop, and leave everything as it is."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to work on a job."""

    job_id: str
    kind: str
    worker: str


def ask(
    actor: Actor,
    job_id: str,
    kind: str,
    *,
    request: str,
    asked: Mapping[str, Any],
    total: int = 0,
) -> BulkJob:
    """Write a job down and wake the workers. Raises TooManyRequestsError."""
    db.session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:actor, 0))"), {"actor": actor.id}
    )
    check_room(actor)
    job = BulkJob(
        id=job_id,
        kind=kind,
        actor_id=actor.id,
        actor=_kept(actor),
        request=request,
        asked=dict(asked),
        total=total,
        created_at=clock.now(),
        turn_at=_real_now(),
    )
    db.session.add(job)
    db.session.flush()
    records.audit.record(actor, f"{kind}-asked", f"bulk/{job_id}", {"request": request})
    records.outbox.emit("BulkRequested", subject=f"bulk/{job_id}")
    return job


def check_room(actor: Actor) -> None:
    """Raise TooManyRequestsError where the client has as many open jobs as it may."""
    most = _settings().bulk_jobs
    waiting = db.session.scalar(
        select(func.count()).where(BulkJob.actor_id == actor.id, BulkJob.status == WAITING)
    )
    if (waiting or 0) >= most:
        raise TooManyRequestsError(
            f"{most} bulk jobs of this client are not done yet: wait for one, or cancel it",
            headers={"Retry-After": "30"},
        )


def own(actor: Actor, job_id: str) -> BulkJob:
    """Return a job of this actor. Raises NotFoundError, also for a job of somebody else."""
    job = db.session.get(BulkJob, job_id)
    if (
        job is None
        or job.actor_id != actor.id
        or (job.expires_at is not None and job.expires_at <= clock.now())
    ):
        raise NotFoundError("there is no such bulk job: not yours, cancelled, or expired")
    return job


def files(job_id: str) -> list[BulkFile]:
    found = db.session.execute(
        select(BulkFile).where(BulkFile.job_id == job_id).order_by(BulkFile.number)
    )
    return list(found.scalars())


def take_turn() -> Turn | None:
    """Give the next job its turn; None where none is due or one is in hand."""
    now = _real_now()
    db.session.execute(text("SELECT pg_advisory_xact_lock(:turns)"), {"turns": _TURNS})
    if db.session.scalar(select(exists().where(BulkJob.leased_until > now))):
        return None
    due = select(BulkJob).where(BulkJob.status == WAITING, BulkJob.turn_at <= now)
    for job in db.session.execute(due.order_by(BulkJob.turn_at, BulkJob.id)).scalars():
        if not _lock_lists(job.id):
            # Lists take one long transaction, which cannot renew a lease; its lock says it lives.
            continue
        if job.claims >= CLAIMS:
            _end(job, FAILED, "the hub could not finish it in several attempts")
            continue
        job.worker = records.new_id()
        job.leased_until = now + LEASE
        job.claims += 1
        db.session.flush()
        return Turn(job.id, job.kind, job.worker)
    return None


def lock_lists(job_id: str) -> None:
    """Hold a job for the length of this transaction. Raises LostError."""
    if not _lock_lists(job_id):
        raise LostError


def _lock_lists(job_id: str) -> bool:
    found = db.session.scalar(
        text("SELECT pg_try_advisory_xact_lock(:lists, hashtext(:job))"),
        {"lists": _LISTS, "job": job_id},
    )
    return bool(found)


def hold(turn: Turn) -> BulkJob:
    """Lock the job and renew its lease. Raises LostError where the turn is over."""
    job = db.session.execute(
        select(BulkJob)
        .where(BulkJob.id == turn.job_id, BulkJob.worker == turn.worker, BulkJob.status == WAITING)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if job is None:
        raise LostError
    job.leased_until = _real_now() + LEASE
    return job


def got_on(job: BulkJob) -> None:
    """Note that this turn has achieved something."""
    job.claims = 0


def end_turn(turn: Turn) -> None:
    """Give the job back; it waits behind the others."""
    _give_back(turn, timedelta(0))


def trip(turn: Turn) -> None:
    """Give back a job whose turn failed: it waits longer each time, and is given up at last."""
    claims = db.session.scalar(select(BulkJob.claims).where(BulkJob.id == turn.job_id))
    _give_back(turn, BACK_OFF * (claims or 0))


def _give_back(turn: Turn, wait: timedelta) -> None:
    db.session.execute(
        update(BulkJob)
        .where(BulkJob.id == turn.job_id, BulkJob.worker == turn.worker)
        .values(worker=None, leased_until=None, turn_at=_real_now() + wait)
    )


def finish(job: BulkJob) -> None:
    _end(job, DONE, None)


def fail(turn: Turn, why: str) -> None:
    """Give a job up for a reason that its client can act on."""
    _end(hold(turn), FAILED, why)


def _end(job: BulkJob, status: str, error: str | None) -> None:
    job.status = status
    job.error = error
    job.worker = None
    job.leased_until = None
    job.finished_at = clock.now()
    job.expires_at = job.finished_at + timedelta(hours=_settings().bulk_hours)
    db.session.flush()
    records.audit.record(
        actor_of(job) or _as_kept(job),
        f"{job.kind}-{status}",
        f"bulk/{job.id}",
        {
            "request": job.request,
            "moment": records.instant(job.moment) if job.moment else None,
            "error": error,
            "counts": job.counts,
            "files": [
                {"name": each.name, "count": each.count, "sha256": each.digest}
                for each in files(job.id)
            ],
        },
    )


def actor_of(job: BulkJob) -> Actor | None:
    """Return for whom the job works, with what a client may still do; None: nothing any more."""
    actor = _as_kept(job)
    if actor.kind is ActorKind.PERSON:
        account = db.session.get(Account, actor.id.partition("/")[2])
        return actor if account is not None and account.active else None
    client = db.session.get(Client, actor.id.partition("/")[2])
    if client is None or not client.active:
        return None
    lost = uncovered(actor.scopes, client.scopes)
    return Actor(
        kind=actor.kind,
        id=actor.id,
        display=actor.display,
        organization=actor.organization,
        scopes=actor.scopes.difference(lost),
    )


def _kept(actor: Actor) -> dict[str, Any]:
    return {
        "kind": actor.kind.value,
        "id": actor.id,
        "display": actor.display,
        "practitioner": actor.practitioner,
        "organization": actor.organization,
        "role": actor.role,
        "teams": sorted(actor.teams),
        "scopes": sorted(actor.scopes),
    }


def _as_kept(job: BulkJob) -> Actor:
    kept = job.actor
    return Actor(
        kind=ActorKind(kept["kind"]),
        id=kept["id"],
        display=kept["display"],
        practitioner=kept["practitioner"],
        organization=kept["organization"],
        role=kept["role"],
        teams=frozenset(kept["teams"]),
        scopes=frozenset(kept["scopes"]),
    )


def note_download(actor: Actor, job: BulkJob, file: BulkFile) -> None:
    """Write down that a file of records has left the hub."""
    records.audit.record(
        actor,
        f"{job.kind}-downloaded",
        f"bulk/{job.id}",
        {"name": file.name, "count": file.count, "sha256": file.digest},
    )


def cancel(actor: Actor, job_id: str) -> BulkJob:
    """Forget a job and its files; return what it was.

    Waits for the batch of an import that is being written, so that what it returns is final.
    """
    own(actor, job_id)
    job = db.session.get(BulkJob, job_id, with_for_update=True, populate_existing=True)
    if job is None:
        raise NotFoundError("there is no such bulk job any more")
    done = job.status != WAITING
    records.audit.record(
        actor,
        f"{job.kind}-{'removed' if done else 'cancelled'}",
        f"bulk/{job_id}",
        {"counts": job.counts, "done": job.done, "total": job.total},
    )
    db.session.expunge(job)
    db.session.execute(delete(BulkJob).where(BulkJob.id == job_id))
    return job


def forget_expired() -> list[str]:
    """Remove the rows of jobs whose time is over; return their ids."""
    found = db.session.execute(
        delete(BulkJob).where(BulkJob.expires_at <= clock.now()).returning(BulkJob.id)
    )
    return list(found.scalars())


def remove_folders(job_ids: list[str]) -> list[str]:
    """Remove files of jobs that are no more, and those that a crash has left; return whose."""
    known = db.session.execute(select(BulkJob.id)).scalars()
    gone = [*job_ids, *bulk_files.orphans(known, LEFT_OVER)]
    for job_id in gone:
        bulk_files.remove(job_id)
    return gone


def is_due() -> bool:
    """Say whether another turn can begin now."""
    now = _real_now()
    return bool(
        db.session.scalar(
            select(
                exists().where(
                    BulkJob.status == WAITING,
                    BulkJob.turn_at <= now,
                    or_(BulkJob.leased_until.is_(None), BulkJob.leased_until <= now),
                )
            )
        )
    )


def is_export(turn: Turn) -> bool:
    return turn.kind == EXPORT


def _settings() -> Settings:
    found: Settings = current_app.config["CAREHUB"]
    return found


def _real_now() -> datetime:
    """Leases are time-outs: they run in real time, also in a simulated hub."""
    return datetime.fromtimestamp(time.time(), UTC)
