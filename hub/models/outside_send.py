"""What leaves the hub for somebody's telephone or mailbox: at least once, with a stable key."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base

WAITING = "waiting"
"""To be sent, or to be sent again."""
SENT = "sent"
"""The gateway has taken it."""
LOGGED = "logged"
"""No gateway is set up for this channel: it was only written to the log."""
DEAD = "dead"
"""Given up after every attempt; a person may send it anew."""
DROPPED = "dropped"
"""Not needed any more: the work was done, or somebody had acknowledged, before it could leave."""


class OutsideSend(Base):
    """One message to one person by one channel."""

    __tablename__ = "outside_send"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text)
    """``clock/step/repeat/recipient/channel``: the idempotency key, the same at every attempt."""
    clock_id: Mapped[str | None] = mapped_column(Text)
    """The clock whose step it tells of; empty for news of a referral and for one-time codes."""
    step: Mapped[int | None] = mapped_column()
    """Position of the step in the policy."""
    subject: Mapped[str] = mapped_column(Text)
    """``Task/<id>``; ``ServiceRequest/<id>`` for news of a referral."""
    recipient: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>``; ``referrer`` for who referred without an account."""
    channel: Mapped[str] = mapped_column(Text)
    """``sms`` or ``email``."""
    address: Mapped[str] = mapped_column(Text)
    """Telephone number or e-mail address, as it was when the step was taken."""
    line: Mapped[str] = mapped_column(Text)
    """What is sent: no name and nothing clinical."""
    secret: Mapped[bool] = mapped_column(server_default=text("false"))
    """It holds a code: the line is blotted out as soon as it is settled."""
    urgent: Mapped[bool] = mapped_column(server_default=text("false"))
    """Sent in quiet hours too."""
    state: Mapped[str] = mapped_column(Text, server_default=WAITING)
    """``waiting``, ``sent``, ``logged``, ``dead`` or ``dropped``."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When the step was taken."""
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it is sent next."""
    leased_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Real time until which one worker has it in hand; a dead worker's lease runs out."""
    attempts: Mapped[int] = mapped_column(server_default="0")
    """How often it was taken in hand, counted before it leaves: a worker that dies counts too."""
    repeats: Mapped[int] = mapped_column(server_default="0")
    """How often it left again though an attempt before may have arrived: nobody knows whether."""
    replayed_after: Mapped[int] = mapped_column(server_default="0")
    """Attempts made before a person sent it anew: the waits between attempts start again."""
    first_attempt_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it was first taken in hand."""
    last_attempt_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it was last taken in hand."""
    uncertain: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether the last attempt may have arrived without an answer."""
    provider_id: Mapped[str | None] = mapped_column(Text)
    """The gateway's own reference."""
    error: Mapped[str | None] = mapped_column(Text)
    """Why the last attempt failed, or why it was dropped."""

    __table_args__ = (
        UniqueConstraint("key", name="uq_outside_send_key"),
        Index("ix_outside_send_waiting", "due_at", postgresql_where=text("state = 'waiting'")),
        Index("ix_outside_send_dead", "created_at", postgresql_where=text("state = 'dead'")),
        Index("ix_outside_send_clock", "clock_id"),
    )
