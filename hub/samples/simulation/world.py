"""The numbers of the simulated world, read from ``world.yaml``."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

WORLD = Path(__file__).parent / "world.yaml"


@dataclass(frozen=True, slots=True)
class World:
    """Planning figures; shares are 0 to 1, times are minutes."""

    working_day: float
    """Referrals on a mean working day."""
    weekdays: tuple[float, ...]
    """Part of a mean working day, Monday first."""
    hours: Mapping[int, float]
    """Local hour -> weight."""
    surge: float
    stress: float
    stress_hour: int
    returning: float
    same_service: float
    language: float
    languages: tuple[str, ...]
    spread: tuple[float, float, float]
    """Actual over usual length of a visit: lowest, highest, most likely."""
    nobody_home: float
    nobody_home_minutes: int
    declined: float
    declined_after: int
    withdrawn: float
    triage_minutes: int
    sick_shift: float
    sick_days: tuple[int, ...]
    leave_week: float
    within: int
    """Travel inside one area."""
    between: Mapping[frozenset[str], int]
    """Travel between two areas."""
    drain_days: int

    def travel(self, here: str | None, there: str | None) -> int:
        """Return the minutes on the road; unknown places count as the same area."""
        if here is None or there is None or here == there:
            return self.within
        return self.between.get(frozenset((here, there)), self.within)


@cache
def southend() -> World:
    """Return the world that ships with the sample hub."""
    return read(yaml.safe_load(WORLD.read_text("utf-8")))


def read(said: Mapping[str, Any]) -> World:
    """Return the world that a YAML file says."""
    demand, visits, staff = said["demand"], said["visits"], said["staff"]
    return World(
        working_day=float(demand["working_day"]),
        weekdays=tuple(float(each) for each in demand["weekdays"]),
        hours={int(hour): float(weight) for hour, weight in demand["hours"].items()},
        surge=float(demand["surge"]),
        stress=float(demand["stress"]),
        stress_hour=int(demand["stress_hour"]),
        returning=float(demand["returning"]),
        same_service=float(demand["same_service"]),
        language=float(said["people"]["language"]),
        languages=tuple(said["people"]["languages"]),
        spread=tuple(visits["spread"]),
        nobody_home=float(visits["nobody_home"]),
        nobody_home_minutes=int(visits["nobody_home_minutes"]),
        declined=float(visits["declined"]),
        declined_after=int(visits["declined_after"]),
        withdrawn=float(visits["withdrawn"]),
        triage_minutes=int(said["triage"]["minutes"]),
        sick_shift=float(staff["sick_shift"]),
        sick_days=tuple(staff["sick_days"]),
        leave_week=float(staff["leave_week"]),
        within=int(said["travel"]["within"]),
        between={
            frozenset((here, there)): int(minutes)
            for here, others in said["travel"]["between"].items()
            for there, minutes in others.items()
        },
        drain_days=int(said["drain_days"]),
    )
