"""bulk jobs and their files

One concern a migration. Add first, remove two releases later; name every constraint; never
import a model: a migration must still run when the models have moved on.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('bulk_job',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('actor_id', sa.Text(), nullable=False),
    sa.Column('actor', postgresql.JSON(astext_type=sa.Text()), nullable=False),
    sa.Column('request', sa.Text(), nullable=False),
    sa.Column('asked', postgresql.JSON(astext_type=sa.Text()), nullable=False),
    sa.Column('status', sa.Text(), server_default='waiting', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('moment', sa.DateTime(timezone=True), nullable=True),
    sa.Column('total', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('done', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('line', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('counts', postgresql.JSON(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('refused', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('refusal_bytes', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('worker', sa.Text(), nullable=True),
    sa.Column('leased_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('turn_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('claims', sa.Integer(), server_default='0', nullable=False),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bulk_job'))
    )
    op.create_index('ix_bulk_job_actor', 'bulk_job', ['actor_id', 'status'], unique=False)
    op.create_index('ix_bulk_job_expires', 'bulk_job', ['expires_at'], unique=False)
    op.create_index('ix_bulk_job_turn', 'bulk_job', ['turn_at'], unique=False, postgresql_where=sa.text("status = 'waiting'"))
    op.create_table('bulk_file',
    sa.Column('job_id', sa.Text(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('begins', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('count', sa.Integer(), server_default='0', nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=True),
    sa.Column('digest', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['job_id'], ['bulk_job.id'], name=op.f('fk_bulk_file_job_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('job_id', 'number', name=op.f('pk_bulk_file'))
    )


def downgrade() -> None:
    op.drop_table('bulk_file')
    op.drop_index('ix_bulk_job_turn', table_name='bulk_job', postgresql_where=sa.text("status = 'waiting'"))
    op.drop_index('ix_bulk_job_expires', table_name='bulk_job')
    op.drop_index('ix_bulk_job_actor', table_name='bulk_job')
    op.drop_table('bulk_job')
