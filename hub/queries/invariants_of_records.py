"""Invariants of the record store, the outbox and the deliveries (design, decisions 2, 3 and 4)."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select, text

from fhir import jsontext
from hub import clock
from hub.db import db
from hub.domain import routing_record
from hub.models.decision import RoutingDecision
from hub.queries import routing_pieces
from hub.queries.breaches import Breach, Invariant, by_sql
from hub.queries.invariants_of_work import GRACE
from hub.records.row import row_of
from hub.records.tables import TABLES

SAMPLE = 200
"""Records of a type whose columns are derived again; the newest, which were written last."""


def _late() -> datetime:
    return clock.now() - GRACE


def history_gaps() -> Iterable[Breach]:
    """Find records whose versions are not 1, 2, 3 ... up to the current one."""
    for name, table in TABLES.items():
        rows = db.session.execute(
            text(
                f"""
                SELECT coalesce(t.id, h.id), coalesce(t.version, 0), coalesce(h.n, 0)
                FROM {table.name} t
                FULL JOIN (SELECT id, count(*) AS n, min(version) AS first, max(version) AS last
                           FROM fhir_history WHERE type = :type GROUP BY id) h ON h.id = t.id
                WHERE t.id IS NULL OR t.version <> coalesce(h.n, 0) + 1
                   OR (h.n > 0 AND (h.first <> 1 OR h.last <> t.version - 1))
                """
            ),
            {"type": name},
        )
        for record_id, version, kept in rows:
            yield Breach(
                f"{name}/{record_id}", f"version {version} with {kept} earlier versions kept"
            )


def columns_disagree() -> Iterable[Breach]:
    """Find records whose index columns are not what their content gives, in a sample."""
    for name, table in TABLES.items():
        rows = db.session.execute(
            select(table)
            .where(~table.c.deleted)
            .order_by(table.c.last_updated.desc(), table.c.id)
            .limit(SAMPLE)
        ).mappings()
        for stored in rows:
            derived = row_of(jsontext.loads(stored["content"]))
            wrong = [
                column
                for column, value in derived.scalars.items()
                if column in stored and stored[column] != value
            ]
            if set(stored["idx"]) != set(derived.idx):
                wrong.append("idx")
            if stored["patient_id"] != derived.patient_id:
                wrong.append("patient_id")
            if wrong:
                yield Breach(f"{name}/{stored['id']}", f"columns differ: {', '.join(wrong)}")


def decisions_replay() -> Iterable[Breach]:
    """Replay the newest routing decisions: each must come to its own answer again."""
    rows = db.session.execute(
        select(RoutingDecision).order_by(RoutingDecision.id.desc()).limit(SAMPLE)
    ).scalars()
    kept = [row for row in rows if row.inputs]
    pieces = routing_pieces.of(row.inputs for row in kept)
    for row in kept:
        if routing_record.needs(row.inputs) - pieces.keys():
            yield Breach(f"Task/{row.task_id}", f"decision {row.id} lacks a piece of its inputs")
            continue
        again = routing_record.replay(row.inputs, pieces)
        if again.owner != row.owner:
            yield Breach(f"Task/{row.task_id}", f"decision {row.id} replays to another owner")
        elif not routing_record.is_kept_whole(row.inputs, again):
            yield Breach(f"Task/{row.task_id}", f"decision {row.id} is not kept whole")


INVARIANTS: tuple[Invariant, ...] = (
    Invariant("history", "Versions of a record are 1, 2, 3 ... without a gap", history_gaps),
    Invariant("columns", "Index columns say what the record says", columns_disagree),
    Invariant("decision-replay", "Routing decisions replay to the same answer", decisions_replay),
    by_sql(
        "outbox-handled",
        "No event that is due waits unhandled",
        """
        SELECT subject, event || ' -> ' || handler || ' since ' || due_at
               || coalesce(': ' || error, '')
        FROM outbox WHERE handled_at IS NULL AND due_at < :late
        """,
        late=_late,
    ),
    by_sql(
        "outbox-poisonous",
        "No event fails again and again",
        """
        SELECT subject, event || ' -> ' || handler || ', ' || attempts || ' attempts: ' || error
        FROM outbox WHERE handled_at IS NULL AND attempts >= 5 AND error IS NOT NULL
        """,
    ),
    by_sql(
        "delivery-sequence",
        "Deliveries of a subscriber are numbered 1, 2, 3 ... without a gap",
        """
        SELECT 'Subscription/' || s.subscription_id,
               count(d.id) || ' deliveries, last number ' || s.sequence
        FROM subscriber s LEFT JOIN delivery d ON d.subscription_id = s.subscription_id
        GROUP BY s.subscription_id, s.sequence
        HAVING count(d.id) <> s.sequence
            OR (s.sequence > 0 AND (min(d.sequence) <> 1 OR max(d.sequence) <> s.sequence))
        """,
    ),
    by_sql(
        "delivery-told",
        "No subscriber was given up on",
        """
        SELECT d.subject, 'subscriber ' || s.name || ' never answered: ' || coalesce(d.error, '')
        FROM delivery d JOIN subscriber s ON s.subscription_id = d.subscription_id
        WHERE d.status = 'dead' AND d.kind <> 'Handshake'
        """,
    ),
)
