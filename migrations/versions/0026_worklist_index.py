"""the index of worklists has their whole order, and what their totals need"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_BEFORE = "ix_fhir_task_owner_status_d_authored_on_lo"
_COLUMNS = ("owner", "status", sa.text("d_authored_on_lo DESC NULLS LAST"))


def upgrade() -> None:
    op.create_index(
        f"{_BEFORE}_id",
        "fhir_task",
        [*_COLUMNS, "id"],
        postgresql_where=sa.text("NOT deleted"),
    )
    op.drop_index(_BEFORE, table_name="fhir_task")


def downgrade() -> None:
    op.create_index(_BEFORE, "fhir_task", [*_COLUMNS])
    op.drop_index(f"{_BEFORE}_id", table_name="fhir_task")
