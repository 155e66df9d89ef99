"""new keys wait in a short list before they are sorted into the index

docs/adr/0005: half of PostgreSQL's work for a write was sorting each key into the GIN index at once.
"""

from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

_EACH = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT indexname FROM pg_indexes
        WHERE schemaname = current_schema() AND indexname LIKE 'ix\\_fhir\\_%\\_idx'
    LOOP
        EXECUTE format('ALTER INDEX %I SET ({})', name);
    END LOOP;
END $$
"""


def upgrade() -> None:
    op.execute(_EACH.format("fastupdate = on, gin_pending_list_limit = 64"))


def downgrade() -> None:
    op.execute(_EACH.format("fastupdate = off"))
