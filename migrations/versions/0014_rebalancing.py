"""plans that share a team's work out afresh

What an exact solver proposes for a team's day, and what a person said to each line.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rebalancing_plan",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tasks", sa.Integer(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("bound", sa.BigInteger(), nullable=False),
        sa.Column("proven", sa.Boolean(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("before", postgresql.JSON(), nullable=False),
        sa.Column("after", postgresql.JSON(), nullable=False),
        sa.Column("problem", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rebalancing_plan")),
    )
    op.create_index(
        "uq_rebalancing_plan_standing",
        "rebalancing_plan",
        ["team"],
        unique=True,
        postgresql_where=sa.text("replaced_at IS NULL"),
    )
    op.create_index("ix_rebalancing_plan_team", "rebalancing_plan", ["team", "id"])
    op.create_table(
        "rebalancing_move",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("task_version", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("gain", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), server_default="offered", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["rebalancing_plan.id"],
            name=op.f("fk_rebalancing_move_plan_id_rebalancing_plan"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rebalancing_move")),
        sa.UniqueConstraint("plan_id", "task_id", name="uq_rebalancing_move_plan_task"),
    )
    op.create_index("ix_rebalancing_move_task", "rebalancing_move", ["task_id"])


def downgrade() -> None:
    op.drop_table("rebalancing_move")
    op.drop_table("rebalancing_plan")
