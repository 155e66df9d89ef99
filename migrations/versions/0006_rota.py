"""rota

Shifts that are offered, changed by hand, imported and exported; their history; leave asked for.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shift", sa.Column("service", sa.Text(), nullable=True))
    op.add_column(
        "shift",
        sa.Column("areas", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("shift", sa.Column("uid", sa.Text(), nullable=True))
    op.add_column(
        "shift", sa.Column("sequence", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("shift", sa.Column("known_from", sa.DateTime(timezone=True), nullable=True))
    op.add_column("shift", sa.Column("changed_by", sa.Text(), nullable=True))
    op.add_column(
        "shift", sa.Column("cause", sa.Text(), server_default="planned", nullable=False)
    )
    op.add_column("shift", sa.Column("reason", sa.Text(), nullable=True))
    # When an old row was written is not on record: not later than it began.
    op.execute("UPDATE shift SET uid = id, known_from = least(lower(during), now())")
    op.alter_column("shift", "uid", nullable=False)
    op.alter_column("shift", "known_from", nullable=False)
    op.create_unique_constraint(op.f("uq_shift_uid"), "shift", ["uid"])

    op.add_column("absence", sa.Column("known_from", sa.DateTime(timezone=True), nullable=True))
    op.add_column("absence", sa.Column("changed_by", sa.Text(), nullable=True))
    op.execute("UPDATE absence SET known_from = reported_at")
    op.alter_column("absence", "known_from", nullable=False)

    op.create_table(
        "rota_history",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("row_id", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=True),
        sa.Column("practitioner", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("known", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("content", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_rota_history")),
    )
    op.create_index("ix_rota_history_row", "rota_history", ["kind", "row_id", "number"])
    op.create_index(
        "ix_rota_history_during", "rota_history", ["during"], postgresql_using="gist"
    )
    op.create_index("ix_rota_history_uid", "rota_history", ["uid"])

    op.create_table(
        "shift_offer",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("shift_id", sa.Text(), nullable=False),
        sa.Column("shift_sequence", sa.Integer(), nullable=False),
        sa.Column("offered_by", sa.Text(), nullable=False),
        sa.Column("offered_to", sa.Text(), nullable=False),
        sa.Column("against_id", sa.Text(), nullable=True),
        sa.Column("against_sequence", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="offered", nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_offer")),
    )
    op.create_index("ix_shift_offer_to", "shift_offer", ["offered_to", "status"])
    op.create_index("ix_shift_offer_by", "shift_offer", ["offered_by", "status"])
    op.create_index(
        "ix_shift_offer_expires",
        "shift_offer",
        ["expires_at"],
        postgresql_where=sa.text("status = 'offered'"),
    )
    op.create_index(
        "uq_shift_offer_open",
        "shift_offer",
        ["shift_id"],
        unique=True,
        postgresql_where=sa.text("status = 'offered'"),
    )

    op.create_table(
        "leave_request",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practitioner", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="requested", nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("absence_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leave_request")),
    )
    op.create_index(
        "ix_leave_request_practitioner", "leave_request", ["practitioner", "status"]
    )


def downgrade() -> None:
    op.drop_table("leave_request")
    op.drop_table("shift_offer")
    op.drop_table("rota_history")
    for column in ("changed_by", "known_from"):
        op.drop_column("absence", column)
    for column in (
        "reason",
        "cause",
        "changed_by",
        "known_from",
        "sequence",
        "uid",
        "areas",
        "service",
    ):
        op.drop_column("shift", column)
