"""Handover packs: made at each shift change, acknowledged by line, told on where nobody does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from hub import clock, records
from hub.db import db
from hub.domain import handover as rules
from hub.domain.actor import Actor
from hub.domain.definition import HubDefinition
from hub.domain.errors import NotPermittedError, RuleError
from hub.models.handover import HandoverLine, HandoverPack
from hub.queries import handover as query
from hub.queries.handover import Change
from hub.records.ids import new_id
from hub.services import definitions, notices

MOST_TOLD = 200
"""Lines of one sweep; the next one goes on."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Lines of one pack."""

    lines: int = 0
    unread: int = 0
    critical: int = 0
    """Of the unread."""


def due(definition: HubDefinition | None = None) -> list[Change]:
    """Return the shift changes that have no pack yet."""
    policy = (definition or definitions.current()).handover
    return query.changes(_hours(policy))


def make(change: Change) -> HandoverPack | None:
    """Make the pack of a shift change; None where another process was first.

    A line of an earlier pack about the same thing rings no more: it is in the new pack.
    """
    hub, now = definitions.current(), clock.now()
    policy = hub.handover
    made = db.session.execute(
        insert(HandoverPack)
        .values(
            id=new_id(),
            team=change.team,
            at=change.at,
            since=change.since,
            until=change.until,
            made_at=now,
        )
        .on_conflict_do_nothing(constraint="uq_handover_pack_team_at")
        .returning(HandoverPack)
    ).scalar_one_or_none()
    if made is None:
        return None
    lines = rules.arranged(query.lines(change, hub.time_zone))
    _supersede(change.team, made.id, [line.subject for line in lines])
    db.session.add_all(
        HandoverLine(
            id=new_id(),
            pack_id=made.id,
            place=place,
            kind=line.kind.value,
            subject=line.subject,
            patient=line.patient,
            words=line.words,
            due_at=line.due_at,
            critical=line.is_critical,
            told=0,
            alarm_at=rules.next_alarm(policy, now, 0) if line.is_critical else None,
        )
        for place, line in enumerate(lines, 1)
    )
    db.session.flush()
    return made


def packs_of(teams: Iterable[str], *, each: int = 1) -> list[HandoverPack]:
    """Return the last packs of teams, the latest first."""
    place = (
        func.row_number()
        .over(partition_by=HandoverPack.team, order_by=HandoverPack.at.desc())
        .label("place")
    )
    ranked = select(HandoverPack.id, place).where(HandoverPack.team.in_(list(teams))).subquery()
    found = db.session.execute(
        select(HandoverPack)
        .join(ranked, ranked.c.id == HandoverPack.id)
        .where(ranked.c.place <= each)
        .order_by(HandoverPack.at.desc(), HandoverPack.team)
    )
    return list(found.scalars())


def earlier(pack: HandoverPack, *, count: int) -> list[HandoverPack]:
    """Return the packs of the same team before this one, the latest first."""
    found = db.session.execute(
        select(HandoverPack)
        .where(HandoverPack.team == pack.team, HandoverPack.at < pack.at)
        .order_by(HandoverPack.at.desc())
        .limit(count)
    )
    return list(found.scalars())


def counts_of(pack_ids: Iterable[str]) -> dict[str, Counts]:
    """Return how many lines each pack has, and how many nobody has acknowledged."""
    unread = HandoverLine.acknowledged_at.is_(None)
    rows = db.session.execute(
        select(
            HandoverLine.pack_id,
            func.count(),
            func.count().filter(unread),
            func.count().filter(unread, HandoverLine.critical),
        )
        .where(HandoverLine.pack_id.in_(list(pack_ids)))
        .group_by(HandoverLine.pack_id)
    )
    return {pack_id: Counts(*counted) for pack_id, *counted in rows}


def lines_of(pack_id: str, *, start: int = 0, count: int | None = None) -> Sequence[HandoverLine]:
    """Return the lines of a pack in the order in which they are read, the critical first."""
    asked = select(HandoverLine).where(HandoverLine.pack_id == pack_id).order_by(HandoverLine.place)
    return db.session.execute(asked.offset(start).limit(count)).scalars().all()


def acknowledge(actor: Actor, line_ids: Iterable[str]) -> int:
    """Note that the actor has read lines of packs of their own teams; return how many were open.

    A line that a colleague has acknowledged stays theirs.
    """
    if actor.practitioner is None:
        raise NotPermittedError("a person acknowledges a handover", field="line")
    wanted = list(dict.fromkeys(line_ids))
    if not wanted:
        raise RuleError("choose the lines you have read", field="line")
    teams = db.session.execute(
        select(HandoverLine.id, HandoverPack.team)
        .join(HandoverPack, HandoverPack.id == HandoverLine.pack_id)
        .where(HandoverLine.id.in_(wanted))
    ).all()
    if len(teams) < len(wanted):
        raise RuleError("a line is not there", field="line")
    foreign = sorted({team for _, team in teams if team not in actor.teams})
    if foreign:
        raise NotPermittedError("this handover belongs to another team", field="line")
    done = db.session.execute(
        update(HandoverLine)
        .where(HandoverLine.id.in_(wanted), HandoverLine.acknowledged_at.is_(None))
        .values(acknowledged_by=actor.practitioner, acknowledged_at=clock.now(), alarm_at=None)
        .returning(HandoverLine.id)
    ).scalars()
    read = sorted(done)
    for line_id in read:
        records.audit.record(actor, "handover-acknowledged", f"HandoverLine/{line_id}")
    return len(read)


def tell_on() -> int:
    """Tell the lead, later the duty manager, of critical lines that nobody acknowledged."""
    definition = definitions.current()
    policy = definition.handover
    rows = db.session.execute(
        select(HandoverLine, HandoverPack.team)
        .join(HandoverPack, HandoverPack.id == HandoverLine.pack_id)
        .where(HandoverLine.alarm_at <= clock.now())
        .order_by(HandoverLine.alarm_at, HandoverLine.id)
        .limit(MOST_TOLD)
        .with_for_update(of=HandoverLine, skip_locked=True)
    ).all()
    for line, team_reference in rows:
        team = definition.teams.get(team_reference.removeprefix("CareTeam/"))
        made_at = db.session.scalar(
            select(HandoverPack.made_at).where(HandoverPack.id == line.pack_id)
        )
        assert made_at is not None
        if team is not None:
            who = team.lead if line.told == 0 else team.duty_manager
            notices.tell(
                [f"Practitioner/{who}"],
                kind="HandoverUnread",
                subject=line.subject,
                line=f"{team.name}: nobody has acknowledged a line of the handover. {line.words}",
                key=f"handover/{line.id}/{line.told}",
                urgent=True,
            )
        line.told += 1
        line.alarm_at = rules.next_alarm(policy, made_at, line.told)
    db.session.flush()
    return len(rows)


def _supersede(team: str, pack_id: str, subjects: list[str]) -> None:
    earlier = select(HandoverPack.id).where(HandoverPack.team == team, HandoverPack.id != pack_id)
    db.session.execute(
        update(HandoverLine)
        .where(
            HandoverLine.pack_id.in_(earlier),
            HandoverLine.alarm_at.is_not(None),
            HandoverLine.subject.in_(subjects),
        )
        .values(alarm_at=None)
    )


def _hours(policy: rules.HandoverPolicy) -> timedelta:
    return timedelta(hours=policy.longest_hours)
