"""clock events and findings

The log of every clock, filled from the pauses and stops of the rows that exist; and the findings
of the auditor.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clock_event",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("clock_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("task_version", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["clock_id"], ["task_clock.id"], name=op.f("fk_clock_event_clock_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_event")),
        sa.UniqueConstraint("clock_id", "sequence", name="uq_clock_event_clock_sequence"),
    )
    op.create_index("ix_clock_event_recorded", "clock_event", ["recorded_at"])
    op.create_index("ix_clock_event_task", "clock_event", ["task_id"])
    op.execute(FILL)
    op.create_table(
        "audit_finding",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("invariant", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_finding")),
    )
    op.create_index("ix_audit_finding_first_seen", "audit_finding", ["first_seen"])
    op.create_index(
        "uq_audit_finding_open",
        "audit_finding",
        ["invariant", "subject"],
        unique=True,
        postgresql_where=sa.text("cleared_at IS NULL"),
    )


FILL = """
    INSERT INTO clock_event (id, clock_id, sequence, task_id, kind, at, recorded_at, reason)
    SELECT id || '-' || number, id, number, task_id, kind, at, at, reason
    FROM (
        SELECT c.id, c.task_id, e.kind, e.at, e.reason,
               row_number() OVER (PARTITION BY c.id ORDER BY e.place, e.at, e.kind) AS number
        FROM task_clock c CROSS JOIN LATERAL (
            SELECT 0 AS place, 'start' AS kind, c.started_at AS at, NULL AS reason
            UNION ALL
            SELECT 2 * n - 1, 'pause', CAST(p ->> 'starts_at' AS timestamptz), p ->> 'reason'
            FROM json_array_elements(c.pauses) WITH ORDINALITY AS stood(p, n)
            UNION ALL
            SELECT 2 * n, 'resume', CAST(p ->> 'ends_at' AS timestamptz), NULL
            FROM json_array_elements(c.pauses) WITH ORDINALITY AS stood(p, n)
            WHERE p ->> 'ends_at' IS NOT NULL
            UNION ALL
            SELECT 2147483647, 'stop', c.stopped_at, c.stop_reason WHERE c.stopped_at IS NOT NULL
        ) e
    ) filled
"""


def downgrade() -> None:
    op.drop_index(
        "uq_audit_finding_open",
        table_name="audit_finding",
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    op.drop_index("ix_audit_finding_first_seen", table_name="audit_finding")
    op.drop_table("audit_finding")
    op.drop_index("ix_clock_event_task", table_name="clock_event")
    op.drop_index("ix_clock_event_recorded", table_name="clock_event")
    op.drop_table("clock_event")
