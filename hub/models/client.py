"""An external system that may use the API, and what it was registered for."""

from datetime import datetime

from sqlalchemy import DateTime, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class Client(Base):
    __tablename__ = "client"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    """What people call the system."""
    organization: Mapped[str | None] = mapped_column(Text)
    """``Organization/<id>`` that answers for it."""
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """SMART v2 scopes it may ask for; a token never has more."""
    rate_limit: Mapped[int | None] = mapped_column()
    """Points a minute (read 1, search 20, write 100); none: no limit."""
    own_ids: Mapped[bool] = mapped_column(default=False)
    """May create resources under its own ids by PUT (update-as-create)."""
    trusted_nhs_numbers: Mapped[bool] = mapped_column(default=False)
    """The NHS numbers it sends as verified were traced by it, so they may match a person."""
    active: Mapped[bool] = mapped_column(default=True)
    """Switched off, every token of it is refused within two seconds."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
