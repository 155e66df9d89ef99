"""What people and the hub do: verbs of the care world. They flush; the edge commits once."""

# The rules of managed records register before anything that follows from a write.
from hub.services import guards

__all__ = ["guards"]
