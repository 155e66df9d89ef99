"""A SNOMED CT release that a licence holder loaded; at most one is in use."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class SnomedRelease(Base):
    """One edition at one date. Its rows stand in the tables of ``hub.records.snomed_tables``."""

    __tablename__ = "snomed_release"

    id: Mapped[int] = mapped_column(primary_key=True)
    edition: Mapped[int] = mapped_column(BigInteger)
    """Concept id of the module that the edition is named by."""
    version: Mapped[str] = mapped_column(Text)
    """``http://snomed.info/sct/<edition>/version/<date>``."""
    concepts: Mapped[int] = mapped_column()
    """How many concepts it has, inactive ones among them."""
    active: Mapped[bool] = mapped_column(default=False)
    """Whether it is the one in use."""
    loaded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it was loaded."""

    __table_args__ = (
        # Two in use would give two answers to one question.
        Index("uq_snomed_release_active", "active", unique=True, postgresql_where=text("active")),
    )
