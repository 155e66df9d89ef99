"""accountability

Who is accountable for whom as rows with a constraint, offers to hand it on, deputies, leavers.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_SPELLS = """
    INSERT INTO accountable_spell (id, patient_id, role, practitioner, during, stands_in)
    SELECT t.id || '/' || o, t.patient_id, c ->> 'code', p #>> '{member,reference}',
           tstzrange(CAST(p #>> '{period,start}' AS timestamptz),
                     CAST(p #>> '{period,end}' AS timestamptz)), false
    FROM fhir_care_team t,
         jsonb_array_elements(coalesce(CAST(t.content AS jsonb) -> 'participant', '[]'))
           WITH ORDINALITY AS e(p, o),
         jsonb_array_elements(coalesce(p -> 'role', '[]')) AS r,
         jsonb_array_elements(coalesce(r -> 'coding', '[]')) AS c
    WHERE t.managed AND NOT t.deleted AND t.category = 'accountability'
      AND c ->> 'code' IN ('accountable-gp', 'care-coordinator', 'social-worker')
      AND NOT EXISTS (SELECT 1 FROM patient_merge m
                      WHERE m.target = t.patient_id AND m.unmerged_at IS NULL)
"""
"""The teams that stand already. Of people whose records were merged the next version of the team
brings the rows: two teams lead to one Patient there, and only the hub can tell which is whose."""


def upgrade() -> None:
    op.create_table(
        "accountable_spell",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column(
            "spell_key",
            sa.BigInteger(),
            sa.Computed("hashtextextended(patient_id || ' ' || role, 0)", persisted=True),
            nullable=False,
        ),
        sa.Column("practitioner", sa.Text(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("stands_in", sa.Boolean(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("int8range(spell_key, spell_key, '[]')"), "&&"),
            (sa.column("during"), "&&"),
            using="gist",
            name="one_accountable_at_a_time",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accountable_spell")),
    )
    op.create_index("ix_accountable_spell_patient", "accountable_spell", ["patient_id", "role"])
    op.create_index(
        "ix_accountable_spell_open",
        "accountable_spell",
        ["practitioner"],
        postgresql_where=sa.text("upper_inf(during)"),
    )
    op.execute(_SPELLS)
    op.create_table(
        "accountability_offer",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("giver", sa.Text(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offered_by", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accountability_offer")),
    )
    op.create_index(
        "uq_accountability_offer_open",
        "accountability_offer",
        ["patient_id", "role"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    for party in ("receiver", "giver"):
        op.create_index(
            f"ix_accountability_offer_{party}", "accountability_offer", [party, "state"]
        )
    op.create_table(
        "deputy",
        sa.Column("absence_id", sa.Text(), nullable=False),
        sa.Column("practitioner", sa.Text(), nullable=False),
        sa.Column("deputy", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("absence_id", name=op.f("pk_deputy")),
    )
    op.create_index("ix_deputy_practitioner", "deputy", ["practitioner"])
    op.create_index("ix_deputy_deputy", "deputy", ["deputy"])
    op.create_table(
        "departure",
        sa.Column("practitioner", sa.Text(), nullable=False),
        sa.Column("leaves_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("practitioner", name=op.f("pk_departure")),
    )
    op.create_table(
        "time_box",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practitioner", sa.Text(), nullable=False),
        sa.Column("holding", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_time_box")),
    )
    op.create_index(
        "uq_time_box_open",
        "time_box",
        ["practitioner", "holding"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_time_box_owner", "time_box", ["owner"], postgresql_where=sa.text("ended_at IS NULL")
    )


def downgrade() -> None:
    for name in ("time_box", "departure", "deputy", "accountability_offer", "accountable_spell"):
        op.drop_table(name)
