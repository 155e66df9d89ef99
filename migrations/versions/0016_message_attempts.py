"""attempts at messages

What was tried with a message in quarantine stays beside it: no body that came is overwritten.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "message_attempt",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=False),
        sa.Column("faults", postgresql.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["inbox_message.id"], name=op.f("fk_message_attempt_message_id_inbox_message")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_attempt")),
    )
    op.create_index("ix_message_attempt_message", "message_attempt", ["message_id", "id"])


def downgrade() -> None:
    op.drop_table("message_attempt")
