"""messages that answer nothing: referrals that are sent on"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("outgoing_message", "in_reply_to", existing_type=sa.Text(), nullable=True)
