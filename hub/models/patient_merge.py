"""What a merge of two Patient records moved, so that it can be taken back."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Index, Text, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class PatientMerge(Base):
    """One merge of a source into a target."""

    __tablename__ = "patient_merge"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    """Time-ordered: of two merges into one target the later one is the greater."""
    source: Mapped[str] = mapped_column(Text)
    """Id of the Patient that was replaced."""
    target: Mapped[str] = mapped_column(Text)
    """Id of the Patient that stands for both since."""
    merged_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When; what is about the target and was written later is nobody's until a person says so."""
    merged_by: Mapped[str] = mapped_column(Text)
    """Id of the Actor."""
    moved: Mapped[list[Any]] = mapped_column(JSON)
    """[reference, version before, version the merge wrote] of each record, both Patients first."""
    unmerged_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it was taken back."""
    unmerged_by: Mapped[str | None] = mapped_column(Text)
    """Id of the Actor that took it back."""

    __table_args__ = (
        # A person is replaced by one other at a time, said to the database.
        Index(
            "uq_patient_merge_source",
            "source",
            unique=True,
            postgresql_where=text("unmerged_at IS NULL"),
        ),
    )
