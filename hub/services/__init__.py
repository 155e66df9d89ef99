"""What people and the hub do: verbs of the care world. They flush; the edge commits once."""

# The rules of managed records register before anything that follows from a write.
from hub.services import guards  # isort: skip

# What follows from a write of a Task must follow by whatever door it is written.
from hub.services import assignments  # isort: skip

# Who is accountable is kept in rows beside the record, and a deputy's act says for whom it was.
from hub.services import accountability_rows, deputies  # isort: skip

# Nobody leaves with work in hand, whoever ends their contract.
from hub.services.guards import staff  # isort: skip

# What the hub itself defines is held for whoever looks a code up, by whatever door.
from hub.services import code_systems  # isort: skip

__all__ = ["accountability_rows", "assignments", "code_systems", "deputies", "guards", "staff"]
