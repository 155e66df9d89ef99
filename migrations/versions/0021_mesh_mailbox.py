"""the MESH mailbox

What lies in it (taken in once, acknowledged after the commit) and the answers that leave by it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mesh_arrival",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("inbox_id", sa.Text(), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["inbox_id"], ["inbox_message.id"], name="fk_mesh_arrival_inbox_id_inbox_message"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mesh_arrival")),
        sa.UniqueConstraint("mailbox", "message_id", name="uq_mesh_arrival_message"),
    )
    op.create_index(
        "ix_mesh_arrival_open",
        "mesh_arrival",
        ["seen_at"],
        postgresql_where=sa.text("acknowledged_at IS NULL"),
    )
    op.create_table(
        "mesh_send",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("inbox_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("repeats", sa.Integer(), server_default="0", nullable=False),
        sa.Column("uncertain", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["inbox_id"], ["inbox_message.id"], name="fk_mesh_send_inbox_id_inbox_message"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mesh_send")),
        sa.UniqueConstraint("key", name="uq_mesh_send_key"),
    )
    op.create_index(
        "ix_mesh_send_open",
        "mesh_send",
        ["due_at"],
        postgresql_where=sa.text("state IN ('waiting', 'dead')"),
    )
    op.create_index("ix_mesh_send_inbox", "mesh_send", ["inbox_id"])
    op.create_index("ix_mesh_send_message", "mesh_send", ["message_id"])


def downgrade() -> None:
    op.drop_table("mesh_send")
    op.drop_table("mesh_arrival")
