"""escalation

Steps that repeat, are passed over and are acknowledged; what leaves the hub by SMS and e-mail.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "escalation_step", sa.Column("repeat", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column(
        "escalation_step", sa.Column("level", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column(
        "escalation_step",
        sa.Column("passed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "escalation_step", sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("escalation_step", sa.Column("acknowledged_by", sa.Text(), nullable=True))
    op.add_column("escalation_step", sa.Column("note", sa.Text(), nullable=True))
    # Where the step stands is read from the policy that was frozen with the clock.
    op.execute(
        """
        UPDATE escalation_step e SET level = coalesce(CAST(c.policy #>> ARRAY[
            'escalation', 'steps', CAST(e.step AS text), 'percent'] AS integer), 0)
        FROM task_clock c WHERE c.id = e.clock_id
        """
    )
    op.drop_constraint("uq_escalation_step_clock_step", "escalation_step", type_="unique")
    op.create_unique_constraint(
        "uq_escalation_step_clock_step", "escalation_step", ["clock_id", "step", "repeat"]
    )
    op.create_index("ix_escalation_step_taken", "escalation_step", ["taken_at"])
    op.create_table(
        "outside_send",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("clock_id", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("urgent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("repeats", sa.Integer(), server_default="0", nullable=False),
        sa.Column("replayed_after", sa.Integer(), server_default="0", nullable=False),
        sa.Column("first_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("uncertain", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outside_send")),
        sa.UniqueConstraint("key", name="uq_outside_send_key"),
    )
    op.create_index(
        "ix_outside_send_waiting",
        "outside_send",
        ["due_at"],
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_outside_send_dead",
        "outside_send",
        ["created_at"],
        postgresql_where=sa.text("state = 'dead'"),
    )
    op.create_index("ix_outside_send_clock", "outside_send", ["clock_id"])


def downgrade() -> None:
    op.drop_table("outside_send")
    op.drop_index("ix_escalation_step_taken", table_name="escalation_step")
    op.drop_constraint("uq_escalation_step_clock_step", "escalation_step", type_="unique")
    op.execute("DELETE FROM escalation_step WHERE repeat > 0")
    op.create_unique_constraint(
        "uq_escalation_step_clock_step", "escalation_step", ["clock_id", "step"]
    )
    for column in (
        "note",
        "acknowledged_by",
        "acknowledged_at",
        "passed",
        "level",
        "repeat",
    ):
        op.drop_column("escalation_step", column)
