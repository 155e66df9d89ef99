"""patient merge

What a merge of two Patient records moved, so that it can be taken back.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "patient_merge",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_by", sa.Text(), nullable=False),
        sa.Column("moved", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("unmerged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unmerged_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_merge")),
    )
    op.create_index(
        "uq_patient_merge_source",
        "patient_merge",
        ["source"],
        unique=True,
        postgresql_where=sa.text("unmerged_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "uq_patient_merge_source",
        table_name="patient_merge",
        postgresql_where=sa.text("unmerged_at IS NULL"),
    )
    op.drop_table("patient_merge")
