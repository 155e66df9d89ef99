"""cover

Holes in the cover of the next days, their alarms, and the mark of what they were counted from.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cover_hole",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("need", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("missing", sa.Text(), nullable=False),
        sa.Column("short", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_horizon", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("caused_by", sa.Text(), nullable=False),
        sa.Column("caused_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("round", sa.Integer(), server_default="1", nullable=False),
        sa.Column("rung", sa.Text(), nullable=True),
        sa.Column("next_alarm_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cover_hole")),
    )
    op.create_index(
        "ix_cover_hole_open",
        "cover_hole",
        ["need", "starts_at"],
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_cover_hole_due",
        "cover_hole",
        ["next_alarm_at"],
        postgresql_where=sa.text("closed_at IS NULL AND next_alarm_at IS NOT NULL"),
    )
    op.create_index("ix_cover_hole_team", "cover_hole", ["team", "starts_at"])
    op.create_table(
        "cover_alarm",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("hole_id", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("rung_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["hole_id"], ["cover_hole.id"], name=op.f("fk_cover_alarm_hole_id_cover_hole")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cover_alarm")),
        sa.UniqueConstraint(
            "hole_id", "round", "stage", name="uq_cover_alarm_hole_round_stage"
        ),
    )
    op.create_table(
        "cover_mark",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cover_mark")),
    )


def downgrade() -> None:
    op.drop_table("cover_mark")
    op.drop_table("cover_alarm")
    op.drop_index("ix_cover_hole_team", table_name="cover_hole")
    op.drop_index(
        "ix_cover_hole_due",
        table_name="cover_hole",
        postgresql_where=sa.text("closed_at IS NULL AND next_alarm_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_cover_hole_open",
        table_name="cover_hole",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_table("cover_hole")
