"""Staff of a hub as data: who they are, when they work. Part of the hub definition."""

from dataclasses import dataclass
from datetime import time


@dataclass(frozen=True, slots=True)
class ShiftTime:
    """A kind of shift in local time; one that ends at or before its start runs past midnight."""

    code: str
    name: str
    starts: time
    ends: time
    kind: str = "work"
    """``work`` or ``on-call``."""
    break_minutes: int = 0
    """Unpaid time in it: not counted against contracted hours."""


@dataclass(frozen=True, slots=True)
class RotaPattern:
    """A repeating rota: ``weeks[n][weekday]`` is a shift code or None for a day off."""

    code: str
    name: str
    weeks: tuple[tuple[str | None, ...], ...]
    bank_holidays: bool = True
    """Whether it is worked on bank holidays."""


@dataclass(frozen=True, slots=True)
class StaffMember:
    """One person of the hub. ``username`` is the record id: ``Practitioner/<username>``."""

    username: str
    given: str
    family: str
    gender: str
    role: str
    organisation: str
    teams: tuple[str, ...]
    rota: str
    rota_week: int = 0
    """Where in the pattern this person starts, so that a team never rests as one."""
    working_days: tuple[str, ...] = ()
    """Days of the pattern that a part-time person works (``mon tue ...``); empty: all of them."""
    contracted_hours: float | None = None
    """Paid hours a week; None: not said. The pattern may not plan more than these."""
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("en",)
    areas: tuple[str, ...] = ()
    capacity_minutes: int = 360
    """Task minutes a shift has room for."""
    capacity_points: int | None = None
    """Points of a day; None: what the routing policy says."""
    rounds: tuple[str, ...] = ()
    """Organisations (care homes) whose round this person does."""
    phone: str = ""
    registration: str | None = None
    """GMC, NMC or HCPC number, as ``gmc|1234567``."""
    demo: str | None = None
    """What this demo user shows; None: no demo sign-in."""
    deputy: str | None = None
    """Username of who acts during an absence; None: same team and role, else the team's lead."""

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"
