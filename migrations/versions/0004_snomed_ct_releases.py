"""SNOMED CT releases

One concern a migration. Add first, remove two releases later; name every constraint; never
import a model: a migration must still run when the models have moved on.
"""

import sqlalchemy as sa
from alembic import op
revision = '0004'
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('snomed_release',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('edition', sa.BigInteger(), nullable=False),
    sa.Column('version', sa.Text(), nullable=False),
    sa.Column('concepts', sa.Integer(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('loaded_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_snomed_release'))
    )
    op.create_index('uq_snomed_release_active', 'snomed_release', ['active'], unique=True, postgresql_where=sa.text('active'))
    op.create_table('snomed_concept',
    sa.Column('release', sa.Integer(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('defined', sa.Boolean(), nullable=False),
    sa.Column('module', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('release', 'id', name='pk_snomed_concept')
    )
    op.create_table('snomed_description',
    sa.Column('release', sa.Integer(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('concept_id', sa.BigInteger(), nullable=False),
    sa.Column('full_name', sa.Boolean(), nullable=False),
    sa.Column('rank', sa.SmallInteger(), nullable=False),
    sa.Column('language', sa.Text(collation='C'), nullable=False),
    sa.Column('term', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('release', 'id', name='pk_snomed_description')
    )
    op.create_index('ix_snomed_description_concept_id', 'snomed_description', ['release', 'concept_id'], unique=False)
    op.create_index('ix_snomed_description_words', 'snomed_description', [sa.text("to_tsvector('simple'::regconfig, term)")], unique=False, postgresql_using='gin')
    op.create_table('snomed_parent',
    sa.Column('release', sa.Integer(), nullable=False),
    sa.Column('concept_id', sa.BigInteger(), nullable=False),
    sa.Column('parent_id', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('release', 'concept_id', 'parent_id', name='pk_snomed_parent')
    )
    op.create_index('ix_snomed_parent_parent_id', 'snomed_parent', ['release', 'parent_id', 'concept_id'], unique=False)
    op.create_table('snomed_member',
    sa.Column('release', sa.Integer(), nullable=False),
    sa.Column('refset_id', sa.BigInteger(), nullable=False),
    sa.Column('concept_id', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('release', 'refset_id', 'concept_id', name='pk_snomed_member')
    )


def downgrade() -> None:
    op.drop_table('snomed_member')
    op.drop_index('ix_snomed_parent_parent_id', table_name='snomed_parent')
    op.drop_table('snomed_parent')
    op.drop_index('ix_snomed_description_words', table_name='snomed_description', postgresql_using='gin')
    op.drop_index('ix_snomed_description_concept_id', table_name='snomed_description')
    op.drop_table('snomed_description')
    op.drop_table('snomed_concept')
    op.drop_index('uq_snomed_release_active', table_name='snomed_release', postgresql_where=sa.text('active'))
    op.drop_table('snomed_release')
