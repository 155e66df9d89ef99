"""referrals of people themselves

A form of the public page makes one referral, however often it is sent.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "self_referral",
        sa.Column("form_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("form_hash", name=op.f("pk_self_referral")),
        sa.UniqueConstraint("receipt", name=op.f("uq_self_referral_receipt")),
    )
    op.create_index("ix_self_referral_address", "self_referral", ["address_hash", "sent_at"])


def downgrade() -> None:
    op.drop_table("self_referral")
