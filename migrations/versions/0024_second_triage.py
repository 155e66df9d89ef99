"""referrals that are triaged twice, blind"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "second_triage",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("request_version", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_by", sa.Text(), nullable=False),
        sa.Column("first_outcome", sa.Text(), nullable=False),
        sa.Column("first_service", sa.Text(), nullable=True),
        sa.Column("first_reason", sa.Text(), nullable=True),
        sa.Column("first_priority", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("second_by", sa.Text(), nullable=True),
        sa.Column("second_outcome", sa.Text(), nullable=True),
        sa.Column("second_service", sa.Text(), nullable=True),
        sa.Column("second_reason", sa.Text(), nullable=True),
        sa.Column("second_priority", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_second_triage")),
    )
    op.create_index(
        "ix_second_triage_waiting",
        "second_triage",
        ["offered_at"],
        postgresql_where=sa.text("decided_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("second_triage")
