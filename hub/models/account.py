"""A person's local account: who signs in with a password, and who that is in the records."""

from datetime import datetime

from sqlalchemy import DateTime, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class Account(Base):
    __tablename__ = "account"

    username: Mapped[str] = mapped_column(Text, primary_key=True)
    """Lower case; the id of ``Practitioner/<username>`` in a sample hub."""
    password_hash: Mapped[str] = mapped_column(Text)
    """Argon2id with its own parameters; see ``hub.auth.passwords``."""
    display: Mapped[str] = mapped_column(Text)
    """The person's name, as colleagues see it."""
    practitioner: Mapped[str | None] = mapped_column(Text)
    """``Practitioner/<id>``; none for a service manager or commissioner without one."""
    organization: Mapped[str | None] = mapped_column(Text)
    """``Organization/<id>`` of the employer."""
    role: Mapped[str] = mapped_column(Text)
    """Role code of the hub definition, such as ``district-nurse``."""
    teams: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    """``CareTeam/<id>`` of the hub's teams the person belongs to."""
    active: Mapped[bool] = mapped_column(default=True)
    """A leaver is switched off: every session of theirs ends with the next request."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    signed_in_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Last sign-in, in the hub's own time: who does not look is flagged before they get work.
    Sessions are cleared away; this stays."""
    password_changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """Sessions opened before this instant are over."""
