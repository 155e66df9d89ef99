"""links for referrers

A referrer without an account follows a referral by a link and a one-time code; text messages and
e-mails that are not of an escalation.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "referral_link",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(32)),
        sa.Column("code_until", sa.DateTime(timezone=True)),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("codes_sent", sa.Integer(), server_default="0", nullable=False),
        sa.Column("codes_since", sa.DateTime(timezone=True)),
        sa.Column("session_hash", sa.LargeBinary(32)),
        sa.Column("session_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral_link")),
    )
    op.create_index("ix_referral_link_subject", "referral_link", ["subject"])
    op.alter_column("outside_send", "clock_id", nullable=True)
    op.alter_column("outside_send", "step", nullable=True)
    op.add_column(
        "outside_send",
        sa.Column("secret", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("outside_send", "secret")
    op.execute("DELETE FROM outside_send WHERE clock_id IS NULL")
    op.alter_column("outside_send", "step", nullable=False)
    op.alter_column("outside_send", "clock_id", nullable=False)
    op.drop_table("referral_link")
