"""How far each file of `carehub load` is loaded, so that a load that was cut short goes on."""

from datetime import datetime

from sqlalchemy import DateTime, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class LoadedFile(Base):
    """One file, told by its content: moving or renaming it changes nothing."""

    __tablename__ = "loaded_file"

    digest: Mapped[str] = mapped_column(Text, primary_key=True)
    """SHA-256 of the file."""
    name: Mapped[str] = mapped_column(Text)
    """The file's name when it was first loaded."""
    position: Mapped[int] = mapped_column(default=0)
    """The last entry whose fate is settled."""
    finished: Mapped[bool] = mapped_column(default=False)
    """Whether the whole file is."""
    loaded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When the last of it was loaded."""
