"""The rules that bind managed records, whoever writes them and by whatever door.

Imported before any other service, so that a rule refuses before anything follows from a write.
"""

from hub.services.guards import care_plans, care_teams, register, tasks

__all__ = ["care_plans", "care_teams", "register", "tasks"]
