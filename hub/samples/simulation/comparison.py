"""The policies side by side on the same weeks, over several seeds, under the bound."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from statistics import mean
from typing import Any

from hub.domain.definition import HubDefinition
from hub.samples.simulation.bound import Bound
from hub.samples.simulation.cases import Case, Weeks, weeks
from hub.samples.simulation.demand import Span
from hub.samples.simulation.engine import Played, play
from hub.samples.simulation.measures import Measures, by_service, counted_of, measure
from hub.samples.simulation.policies import POLICIES
from hub.samples.simulation.world import World

OURS, RIVAL = "carehub", "round-robin"
WANTED_POINTS = 10.0
"""How much better than round-robin our decision is to be under surge, in percentage points."""


@dataclass(frozen=True, slots=True)
class Day:
    """One local day: cases that arrived, the most that anybody could reach, what each reached."""

    day: date
    cases: int
    bound: float
    in_time: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Measures by policy and seed, in the order of ``seeds``."""

    span: Span
    seeds: tuple[int, ...]
    measures: Mapping[str, tuple[Measures, ...]]
    bounds: Mapping[str, tuple[float, ...]]
    """``share_in_time``, ``share_surge``, ``share_surge_urgent``: the most that is possible."""
    services: Mapping[str, Mapping[str, float]]
    """Share in time by policy and service, first seed."""
    days: tuple[Day, ...]
    """First seed."""

    def points(self, name: str) -> tuple[float, ...]:
        """Return by how many percentage points we are ahead of round-robin, by seed."""
        return tuple(
            round(100 * (getattr(ours, name) - getattr(rival, name)), 1)
            for ours, rival in zip(self.measures[OURS], self.measures[RIVAL], strict=True)
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "seeds": list(self.seeds),
            "from": self.span.first.isoformat(),
            "days": self.span.days,
            "surge_days": sorted(day.isoformat() for day in self.span.surge_days),
            "stress_day": self.span.stress_day.isoformat(),
            "policies": {
                name: {
                    **_spread([asdict(each) for each in found]),
                    "share_by_service": dict(self.services[name]),
                }
                for name, found in self.measures.items()
            },
            "bound": {name: _figures(values) for name, values in self.bounds.items()},
            "points_over_round_robin": {
                name: _figures(self.points(name))
                for name in ("share_in_time", "share_surge", "share_surge_urgent")
            },
            "by_day": [
                {
                    "day": each.day.isoformat(),
                    "cases": each.cases,
                    "bound": round(each.bound, 1),
                    **each.in_time,
                }
                for each in self.days
            ],
        }


def compare(
    world: World,
    definition: HubDefinition,
    span: Span,
    seeds: Sequence[int],
    say: Callable[[str], None] = lambda _line: None,
) -> Comparison:
    """Play every policy on the weeks of every seed."""
    found: dict[str, list[Measures]] = {name: [] for name in POLICIES}
    bounds: dict[str, list[float]] = {}
    services: dict[str, dict[str, float]] = {}
    days: tuple[Day, ...] = ()
    for seed in seeds:
        drawn = weeks(world, definition, span, seed)
        played = {name: play(drawn, policy) for name, policy in POLICIES.items()}
        for name, run in played.items():
            found[name].append(measure(run))
        bound = Bound(drawn)
        for name, value in _bounds(drawn, bound).items():
            bounds.setdefault(name, []).append(value)
        if not days:
            services = {name: by_service(run) for name, run in played.items()}
            days = _days(drawn, bound, played)
        say(f"seed {seed}: {len(drawn.cases)} referrals under {len(played)} policies")
    return Comparison(
        span=span,
        seeds=tuple(seeds),
        measures={name: tuple(each) for name, each in found.items()},
        bounds={name: tuple(each) for name, each in bounds.items()},
        services=services,
        days=days,
    )


def _bounds(drawn: Weeks, bound: Bound) -> dict[str, float]:
    surge = drawn.span.surge_days
    counted = [each for each in drawn.cases if each.withdrawn_at is None]

    def share(cases: list[Case]) -> float:
        return round(bound.most(cases) / max(1, len(cases)), 4)

    return {
        "share_in_time": share(counted),
        "share_surge": share([each for each in counted if each.day in surge]),
        "share_surge_urgent": share(
            [each for each in counted if each.day in surge and each.urgent]
        ),
    }


def _days(drawn: Weeks, bound: Bound, played: Mapping[str, Played]) -> tuple[Day, ...]:
    days = []
    for day in drawn.span:
        cases = [each for each in drawn.cases if each.day == day and each.withdrawn_at is None]
        reached = {
            name: sum(each.in_time for each in counted_of(run) if each.case.day == day)
            for name, run in played.items()
        }
        days.append(Day(day, len(cases), bound.most(cases), reached))
    return tuple(days)


def _spread(rows: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {name: _figures([row[name] for row in rows]) for name in rows[0]}


def _figures(values: Sequence[float]) -> dict[str, float]:
    """Return mean, lowest and highest over the seeds."""
    return {
        "mean": round(mean(values), 4),
        "lowest": min(values),
        "highest": max(values),
    }
