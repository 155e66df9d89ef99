"""routing facts

What a routing decision looks at beside the rota: conflicts of interest and points; and the pieces
of its inputs that many decisions share, so that each of them is kept once.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "conflict_of_interest",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practitioner", sa.Text(), nullable=False),
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflict_of_interest")),
    )
    op.create_index(
        "uq_conflict_of_interest_standing",
        "conflict_of_interest",
        ["patient", "practitioner"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_conflict_of_interest_patient", "conflict_of_interest", ["patient", "recorded_at"]
    )
    op.create_table(
        "routing_piece",
        sa.Column("digest", sa.Text(collation="C"), nullable=False),
        sa.Column("content", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_routing_piece")),
    )
    op.add_column(
        "assignment", sa.Column("points", sa.Integer(), server_default="1", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("assignment", "points")
    op.drop_table("routing_piece")
    op.drop_index("ix_conflict_of_interest_patient", table_name="conflict_of_interest")
    op.drop_index(
        "uq_conflict_of_interest_standing",
        table_name="conflict_of_interest",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_table("conflict_of_interest")
