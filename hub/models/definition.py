"""Versions of the hub definition: each as it was loaded, one of them active."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class DefinitionVersion(Base):
    """One version of one hub's definition. Never changed, only switched on or off."""

    __tablename__ = "definition_version"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    hub: Mapped[str] = mapped_column(Text)
    """Code of the hub that it describes."""
    number: Mapped[int] = mapped_column()
    """1, 2, 3 ... for this hub."""
    digest: Mapped[str] = mapped_column(Text)
    """SHA-256 of the content: loading the same files twice makes no second version."""
    content: Mapped[str] = mapped_column(Text)
    """The files as one JSON object, exactly what the schemas accepted."""
    active: Mapped[bool] = mapped_column(default=False)
    """The one that the hub works by."""
    loaded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it was loaded."""
    loaded_by: Mapped[str] = mapped_column(Text)
    """Id of the actor that loaded it."""
    activated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it became the active one last."""

    __table_args__ = (
        UniqueConstraint("hub", "number"),
        UniqueConstraint("hub", "digest"),
        # One hub, one active definition: two would route the same task two ways.
        Index(
            "uq_definition_version_active",
            "active",
            unique=True,
            postgresql_where=text("active"),
        ),
    )
