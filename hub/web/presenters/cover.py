"""The cover in words and cells: hours across, days down, a hole by its text and its shape."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from hub.domain import cover_words
from hub.domain.calendars import zone
from hub.domain.cover import SEVERITY, Cell, Missing, Share
from hub.domain.cover_alarms import Closing, Stage
from hub.domain.cover_needs import Need
from hub.domain.cover_people import Standing
from hub.domain.definition import HubDefinition
from hub.domain.fairness import Tally
from hub.models.cover_alarm import CoverAlarm
from hub.models.cover_hole import CoverHole
from hub.services.cover_view import Covered
from hub.web import directory
from hub.web.presenters import words

HOUR = timedelta(hours=1)
_STAGES = {
    Stage.LEAD: "The lead was told",
    Stage.DUTY_MANAGER: "Under a day away: the duty manager was told",
    Stage.LAST_CALL: "Under two hours away: told again",
}
_CLOSINGS = {
    Closing.COVERED: "Covered",
    Closing.JOINED: "Became part of a longer hole",
    Closing.PASSED: "Went by without anybody",
    Closing.NOT_NEEDED: "Not needed any more",
}


@dataclass(frozen=True, slots=True)
class GridCell:
    text: str
    """``2`` people at work, or ``0 of 1``."""
    said: str
    """The same in a sentence, for those who hear the page."""
    tone: str
    """``met``, ``hole`` or ``past``."""
    href: str
    part: bool
    """For a part of the hour only."""


@dataclass(frozen=True, slots=True)
class GridDay:
    text: str
    holiday: bool
    cells: tuple[GridCell | None, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    title: str
    asked: str
    """``At least 1 at work``."""
    hours: tuple[str, ...]
    days: tuple[GridDay, ...]
    share: str
    part: bool
    """A cell of it is a hole for a part of its hour."""


@dataclass(frozen=True, slots=True)
class HoleLine:
    id: str
    lack: str
    when: str
    team: str
    cause: str
    state: str
    tone: str
    """``late`` under a day away and nobody's, ``soon`` nobody's, ``later`` acknowledged."""
    left: str


def grid(hub: HubDefinition, covered: Covered, holes: Sequence[CoverHole], now: datetime) -> Grid:
    """Lay one need out. Hours of the wall: where one comes twice, the worse of the two is shown."""
    here = zone(hub.time_zone)
    by_hour: dict[tuple[date, int], Cell] = {}
    for cell in covered.cells:
        begins = cell.starts_at.astimezone(here)
        key = (begins.date(), begins.hour)
        by_hour[key] = _worse(by_hour[key], cell) if key in by_hour else cell
    hours = sorted({hour for _, hour in by_hour})
    own = [row for row in holes if row.need == covered.need.code]
    days = tuple(
        GridDay(
            text=f"{day:%a} {day.day} {day:%b}",
            holiday=day in hub.bank_holidays,
            cells=tuple(
                _cell(hub, by_hour[day, hour], covered.need, own, now)
                if (day, hour) in by_hour
                else None
                for hour in hours
            ),
        )
        for day in _days(covered, here.key)
    )
    return Grid(
        title=covered.need.name,
        asked=asked(hub, covered.need),
        hours=tuple(f"{hour:02}" for hour in hours),
        days=days,
        share=percent(covered.share),
        part=any(cell.part for day in days for cell in day.cells if cell),
    )


def asked(hub: HubDefinition, need: Need) -> str:
    """Return what a need asks for, in words."""
    parts = []
    if need.least:
        parts.append(f"at least {need.least} at work")
    if need.least_on_call:
        parts.append(f"at least {need.least_on_call} on call")
    said = " and ".join(parts)
    if need.roles:
        said += (
            f"; {' or '.join(sorted(words.inside(hub.roles[each].name) for each in need.roles))}"
        )
    if need.skills:
        skills = sorted(directory.words_of("skills", each).lower() for each in need.skills)
        said += f"; with {' and '.join(skills)}"
    return said[:1].upper() + said[1:]


def percent(share: Share) -> str:
    """Return ``98.6%``; cut, not rounded: 100% means that nothing is missing."""
    ratio = share.ratio
    if ratio is None:
        return "not needed"
    return "100%" if ratio == 1 else f"{int(ratio * 1000) / 10:.1f}%"


def line(hub: HubDefinition, row: CoverHole, now: datetime) -> HoleLine:
    if row.closed_at is not None:
        state, tone = _CLOSINGS[Closing(row.closed_why or Closing.COVERED)], "later"
    elif row.acknowledged_at is not None:
        who = directory.name_of(row.acknowledged_by or "") or "somebody"
        state, tone = f"{who} is on it", "later"
    else:
        near = row.starts_at - now <= timedelta(days=1)
        state, tone = "Nobody has acknowledged it", "late" if near else "soon"
    begun = row.starts_at <= now
    left = "now" if begun else f"in {words.span((row.starts_at - now).total_seconds())}"
    return HoleLine(
        id=row.id,
        lack=cover_words.lack(Missing(row.missing), row.short, row.name),
        when=cover_words.when(row.starts_at, row.ends_at, hub.time_zone),
        team=directory.name_of(row.team),
        cause=row.cause,
        state=state,
        tone=tone,
        left="" if row.closed_at else left,
    )


def past(row: CoverHole, alarms: Iterable[CoverAlarm]) -> list[tuple[str, str]]:
    """Return (when, what) of a hole, the oldest first."""
    found = [(row.opened_at, f"Found: {row.cause}")]
    for alarm in alarms:
        told = ", ".join(filter(None, (directory.name_of(each) for each in alarm.told)))
        again = " (it got worse)" if alarm.round > 1 and alarm.stage == Stage.LEAD else ""
        found.append(
            (alarm.rung_at, f"{_STAGES[Stage(alarm.stage)]}{again}: {told or 'nobody new'}")
        )
    if row.acknowledged_at is not None:
        who = directory.name_of(row.acknowledged_by or "")
        note = f": {row.note}" if row.note else ""
        found.append((row.acknowledged_at, f"{who} acknowledged it{note}"))
    if row.closed_at is not None:
        found.append((row.closed_at, _CLOSINGS[Closing(row.closed_why or Closing.COVERED)]))
    ordered = sorted(found, key=lambda each: each[0])
    return [(words.moment(at), said) for at, said in ordered]


def person(hub: HubDefinition, standing: Standing) -> dict[str, object]:
    return {
        "staff": standing.staff,
        "id": standing.staff.replace("/", "-"),
        "name": standing.name,
        "role": hub.roles[standing.role].name,
        "own_team": standing.own_team,
        "bar": standing.bar,
        "tally": tally(standing.tally) if standing.tally else "",
    }


def tally(said: Tally) -> str:
    """Return ``38 of 40 hours; 3 weekend, 0 night and 1 bank holiday shifts``."""
    return (
        f"{said.hours:.0f} of {said.contract:.0f} hours; {said.weekends} weekend,"
        f" {said.nights} night, {words.plural(said.bank_holidays, 'bank holiday shift')}"
    )


def _days(covered: Covered, time_zone: str) -> list[date]:
    here = zone(time_zone)
    return sorted({cell.starts_at.astimezone(here).date() for cell in covered.cells})


def _worse(one: Cell, other: Cell) -> Cell:
    def rank(cell: Cell) -> tuple[int, int]:
        return (-1 if cell.missing is None else SEVERITY[cell.missing], -cell.fewest)

    worst = max(one, other, key=rank)
    return replace(worst, short_for=one.short_for + other.short_for)


def _cell(
    hub: HubDefinition, cell: Cell, need: Need, holes: Sequence[CoverHole], now: datetime
) -> GridCell:
    begins = cell.starts_at.astimezone(zone(hub.time_zone))
    at = f"{begins:%a} {begins.day} {begins:%b} {begins:%H:%M}"
    gone = cell.ends_at <= now
    if cell.missing is None:
        return GridCell(
            text=str(cell.fewest),
            said=f"{at}: {cell.fewest}",
            tone="past" if gone else "met",
            href="",
            part=False,
        )
    row = next(
        (each for each in holes if each.starts_at < cell.ends_at and cell.starts_at < each.ends_at),
        None,
    )
    lasts = int(cell.short_for / timedelta(minutes=1))
    part = cell.short_for < cell.needed_for
    short = cover_words.lack(cell.missing, max(need.least - cell.fewest, 1), need.name)
    return GridCell(
        text="on call" if cell.missing is Missing.NO_ON_CALL else f"{cell.fewest}/{need.least}",
        said=f"{at}: {short}" + (f", for {lasts} minutes" if part else ""),
        tone="past" if gone else "hole",
        href=f"/cover/holes/{row.id}" if row and not gone else "",
        part=part,
    )
