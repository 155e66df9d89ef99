"""What a policy came to, in numbers: in time, waits, fairness, hand-offs, continuity.

Cases that the person withdrew are left out: nobody can be early or late for them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, pstdev

from hub.samples.simulation.cases import Case
from hub.samples.simulation.engine import Played
from hub.samples.simulation.state import End, Progress

Kind = Callable[[Case], bool]


@dataclass(frozen=True, slots=True)
class Measures:
    """Shares are 0 to 1; waits are hours from referral to first contact."""

    cases: int
    done: int
    withdrawn: int
    open: int
    """Still waiting when the run ended."""
    share_in_time: float
    share_urgent: float
    share_routine: float
    share_weekday: float
    share_weekend: float
    share_surge: float
    share_surge_urgent: float
    wait_p50: float
    wait_p95: float
    urgent_wait_p50: float
    urgent_wait_p95: float
    surge_urgent_wait_p95: float
    unevenness: float
    """Spread of the load inside a team: standard deviation over mean of the minutes that people
    worked in an hour on shift, mean of the teams; 0 is perfectly even."""
    hand_offs: float
    """Moves from one person to another, a case."""
    continuity: float
    """Of those whom the team knew, the part that met somebody who had seen them before."""
    desk: int
    """Decisions that found nobody and left the work with a desk."""


def measure(played: Played) -> Measures:
    """Count a run."""
    ends = [each.end for each in played.progress]
    counted = counted_of(played)
    surge = played.drawn.span.surge_days
    urgent = [each for each in counted if each.case.urgent]
    surge_urgent = [each for each in urgent if each.case.day in surge]
    knew = [each for each in counted if each.had_seen]
    return Measures(
        cases=len(played.progress),
        done=ends.count(End.DONE),
        withdrawn=ends.count(End.WITHDRAWN),
        open=ends.count(End.OPEN),
        share_in_time=_share(counted),
        share_urgent=_share(urgent),
        share_routine=_share(each for each in counted if not each.case.urgent),
        share_weekday=_share(each for each in counted if each.case.day.weekday() < 5),
        share_weekend=_share(each for each in counted if each.case.day.weekday() >= 5),
        share_surge=_share(each for each in counted if each.case.day in surge),
        share_surge_urgent=_share(surge_urgent),
        wait_p50=_wait(counted, 50),
        wait_p95=_wait(counted, 95),
        urgent_wait_p50=_wait(urgent, 50),
        urgent_wait_p95=_wait(urgent, 95),
        surge_urgent_wait_p95=_wait(surge_urgent, 95),
        unevenness=_unevenness(played),
        hand_offs=round(mean(each.hand_offs for each in played.progress), 3),
        continuity=round(sum(each.same_worker for each in knew) / max(1, len(knew)), 3),
        desk=played.desk,
    )


def counted_of(played: Played) -> list[Progress]:
    return [each for each in played.progress if each.case.withdrawn_at is None]


def by_service(played: Played) -> dict[str, float]:
    """Return the share in time of each service that had a case."""
    found: dict[str, list[Progress]] = defaultdict(list)
    for each in counted_of(played):
        found[each.case.service.code].append(each)
    return {code: _share(cases) for code, cases in sorted(found.items())}


def _share(cases: Iterable[Progress]) -> float:
    listed = list(cases)
    return round(sum(each.in_time for each in listed) / max(1, len(listed)), 4)


def _wait(cases: Sequence[Progress], percent: int) -> float:
    """Return a percentile; whoever was never seen has waited longest."""
    waits = sorted(
        (each.begun - each.case.at).total_seconds() / 3600 if each.begun else float("inf")
        for each in cases
    )
    if not waits:
        return 0.0
    return round(waits[min(len(waits) * percent // 100, len(waits) - 1)], 1)


def _unevenness(played: Played) -> float:
    hours: dict[str, float] = defaultdict(float)
    teams: dict[str, set[str]] = defaultdict(set)
    for shift in played.drawn.staffing.worked():
        if played.minutes.get(shift.staff) and shift.starts_at.date() <= played.drawn.span.last:
            hours[shift.staff] += (shift.ends_at - shift.starts_at).total_seconds() / 3600
            teams[shift.team].add(shift.staff)
    spreads = []
    for staff in teams.values():
        rates = [played.minutes[each] / hours[each] for each in staff]
        if len(rates) > 1:
            spreads.append(pstdev(rates) / mean(rates))
    return round(mean(spreads), 3) if spreads else 0.0
