"""One attempt to sign in: what throttling counts, per account and per address."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Identity, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class SignInAttempt(Base):
    __tablename__ = "sign_in_attempt"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    username: Mapped[str] = mapped_column(Text)
    """As typed, in lower case; need not exist."""
    address: Mapped[str] = mapped_column(Text)
    attempted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    succeeded: Mapped[bool] = mapped_column()

    __table_args__ = (
        Index("ix_sign_in_attempt_username_attempted_at", "username", "attempted_at"),
        Index("ix_sign_in_attempt_address_attempted_at", "address", "attempted_at"),
    )
