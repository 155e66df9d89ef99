"""topic subscriptions: topic, content, heartbeat; and subscribers that wait to be reached again"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscriber", sa.Column("topic", sa.Text(), nullable=True))
    op.add_column("subscriber", sa.Column("content", sa.Text(), nullable=True))
    op.add_column("subscriber", sa.Column("heartbeat_seconds", sa.Integer(), nullable=True))
    op.add_column(
        "subscriber", sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("subscriber", sa.Column("paused_from", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_subscriber_heartbeat",
        "subscriber",
        ["heartbeat_at"],
        postgresql_where=sa.text("heartbeat_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_subscriber_heartbeat", table_name="subscriber")
    for name in ("paused_from", "heartbeat_at", "heartbeat_seconds", "content", "topic"):
        op.drop_column("subscriber", name)
