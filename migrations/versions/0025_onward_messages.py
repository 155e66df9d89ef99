"""messages that answer nothing: referrals that are sent on"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("outgoing_message", "in_reply_to", existing_type=sa.Text(), nullable=True)


def downgrade() -> None:
    # What answers nothing has no place in the table as it was.
    op.execute("DELETE FROM outgoing_message WHERE in_reply_to IS NULL")
    op.alter_column("outgoing_message", "in_reply_to", existing_type=sa.Text(), nullable=False)
