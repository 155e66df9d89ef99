"""offers of work, parts of work, last sign-in

Work offered to somebody by name until they answer; which task is a part of which; when somebody
last signed in, which is asked before they are given work.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_OPEN = sa.text("answered_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "task_offer",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("giver", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("taker", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_offer")),
    )
    op.create_index(
        "uq_task_offer_open", "task_offer", ["task_id"], unique=True, postgresql_where=_OPEN
    )
    op.create_index("ix_task_offer_task", "task_offer", ["task_id", "id"])
    op.create_index("ix_task_offer_taker", "task_offer", ["taker"], postgresql_where=_OPEN)
    op.create_index("ix_task_offer_giver", "task_offer", ["giver"], postgresql_where=_OPEN)
    op.create_table(
        "task_part",
        sa.Column("part_id", sa.Text(), nullable=False),
        sa.Column("whole_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("whole_minutes", sa.Integer(), nullable=False),
        sa.Column("whole_points", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("part_id", name=op.f("pk_task_part")),
    )
    op.create_index("ix_task_part_whole", "task_part", ["whole_id"])
    op.add_column("account", sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("account", "signed_in_at")
    op.drop_index("ix_task_part_whole", table_name="task_part")
    op.drop_table("task_part")
    for name in ("giver", "taker"):
        op.drop_index(f"ix_task_offer_{name}", table_name="task_offer")
    op.drop_index("ix_task_offer_task", table_name="task_offer")
    op.drop_index("uq_task_offer_open", table_name="task_offer")
    op.drop_table("task_offer")
