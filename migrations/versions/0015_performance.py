"""clocks by the instant they started

What was in time over some weeks is counted without reading every clock there ever was.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_task_clock_started", "task_clock", ["started_at"])


def downgrade() -> None:
    op.drop_index("ix_task_clock_started", "task_clock")
