"""What people and the hub do: verbs of the care world. They flush; the edge commits once."""

# The rules of managed records register before anything that follows from a write.
from hub.services import guards  # isort: skip

# What follows from a write of a Task must follow by whatever door it is written.
from hub.services import assignments  # isort: skip

# What the hub itself defines is held for whoever looks a code up, by whatever door.
from hub.services import code_systems  # isort: skip

__all__ = ["assignments", "code_systems", "guards"]
