"""A bearer token of the API, for a registered system or for one person's own application."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class AccessToken(Base):
    __tablename__ = "access_token"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """SHA-256 of the token: the token itself is shown once and never stored."""
    client_id: Mapped[str | None] = mapped_column(
        ForeignKey("client.id", ondelete="CASCADE"), index=True
    )
    username: Mapped[str | None] = mapped_column(
        ForeignKey("account.username", ondelete="CASCADE"), index=True
    )
    """The person for whom the application acts, where it is a person's token."""
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    issued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("(client_id IS NULL) <> (username IS NULL)", name="one_holder"),
    )
