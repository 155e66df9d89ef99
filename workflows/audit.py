"""The audit's own round: ship what the spools of reads hold, chain what is surely complete."""

from pathlib import Path

from flask import current_app

from hub.records import sealing
from hub.transaction import transaction
from workflows.app import celery


@celery.task(name="workflows.audit.ship")  # type: ignore[untyped-decorator]
def ship() -> None:
    """Copy closed segments, and those of dead processes, into the audit; each once."""
    folder: Path = current_app.config["CAREHUB"].home / "spool"
    with transaction():
        sealing.ship(folder, leftovers=True)
    sealing.forget_shipped(folder)


@celery.task(name="workflows.audit.seal")  # type: ignore[untyped-decorator]
def seal() -> None:
    """Chain the rows that every transaction older than the oldest running one has written."""
    with transaction():
        sealing.seal()
