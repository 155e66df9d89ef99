"""A signed-in session. It lives in PostgreSQL: nobody is signed out when Valkey is lost."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class Session(Base):
    __tablename__ = "session"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """SHA-256 of the cookie: a stolen copy of this table opens nothing."""
    username: Mapped[str] = mapped_column(
        ForeignKey("account.username", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """Last request made by the person (not by a page that refreshes itself), to the minute."""
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    """Absolute end, however busy the session is."""
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the person signed out or an administrator ended it."""
    address: Mapped[str] = mapped_column(Text, default="")
    """Where the sign-in came from, for the person's own list of sessions."""
