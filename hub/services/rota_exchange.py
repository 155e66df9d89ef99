"""Import and export of the rota: a dry run that names every line, then all of it or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from hub import clock, records
from hub.adapters import rota_calendar, rota_table
from hub.db import db
from hub.domain import rota
from hub.domain.actor import Actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.domain.rota_exchange import Act, Entry, Fault, Line, Standing, compare
from hub.models.rota_history import RotaHistory
from hub.models.shift import Shift
from hub.queries import rota as rota_query
from hub.records.ids import new_id
from hub.services import definitions, rota_changes, rota_overrides
from hub.services.rota_changes import Touched, bounds

FORMATS = ("ics", "csv")
LARGEST = 2_000_000
"""Bytes of a file: ten thousand shifts fit."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do. With a fault it would do nothing."""

    lines: Sequence[Line]
    faults: Sequence[Fault]

    def count(self, act: Act) -> int:
        return sum(1 for each in self.lines if each.act is act)


class ImportFaultError(RuleError):
    """A file with faults: nothing of it was written."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = faults
        first = faults[0]
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        super().__init__(f"{first.where}: {first.field} {first.text}{more}", field="file")


def preview(actor: Actor, content: bytes, form: str, *, team: str) -> Preview:
    """Return what the import of a file would do. ``team``: code, where the file names none."""
    if form not in FORMATS:
        raise RuleError(f"{form} is not a format of the rota", field="format", allowed=FORMATS)
    if len(content) > LARGEST:
        raise RuleError(f"a file has at most {LARGEST} bytes", field="file")
    rota_changes.check_may_plan(actor, f"CareTeam/{team}")
    zone = definitions.current().time_zone
    if form == "ics":
        entries, faults = rota_calendar.read(content, team=team, now=clock.now(), time_zone=zone)
    else:
        entries, faults = rota_table.read(content, team=team, time_zone=zone)
    # What is over stays on record as it was.
    entries = [each for each in entries if each.ends_at > clock.now()]
    faults += _wrong_codes(actor, entries)
    standing = _standing([each.uid for each in entries])
    lines, twice = compare(entries, standing, _gone([each.uid for each in entries]))
    faults += twice
    faults += _not_ours(actor, lines)
    if not faults:
        faults += _overlaps(lines)
    return Preview(lines, faults)


def apply(actor: Actor, content: bytes, form: str, *, team: str, reason: str) -> Preview:
    """Import a file: every line of it, in the open transaction. Raises ImportFaultError."""
    found = preview(actor, content, form, team=team)
    if found.faults:
        raise ImportFaultError(found.faults)
    touched: list[Touched] = []
    lost: list[tuple[str, datetime, datetime, str | None]] = []
    held: dict[str, Shift] = {}
    changing = sorted(
        (each for each in found.lines if each.act in {Act.CANCEL, Act.CHANGE}),
        key=lambda line: line.before.id if line.before else "",
    )
    for line in changing:
        assert line.before is not None
        shift = held[line.entry.uid] = rota_changes.locked(line.before.id)
        if shift.sequence != line.before.sequence:
            raise RuleError("the rota has changed meanwhile: look at the preview again")
        touched.append(Touched(shift.practitioner, shift.team, *bounds(shift)))
        lost.append((shift.practitioner, *bounds(shift), shift.team))
        rota_changes.keep(actor, shift, cause="imported", reason=reason)
        rota_changes.end_offers([shift.id], note="the shift has changed")
        # Nobody is at work twice while the lines change hands one after another.
        if line.act is Act.CHANGE:
            shift.during = Range(empty=True)
        else:
            db.session.delete(shift)
        rota_changes.flush()
    for line in found.lines:
        if line.act not in {Act.ADD, Act.CHANGE}:
            continue
        new = line.act is Act.ADD
        shift = Shift(id=new_id(), uid=line.entry.uid) if new else held[line.entry.uid]
        _fill(actor, shift, line.entry, reason)
        if new:
            db.session.add(shift)
        rota_changes.flush()
        touched.append(Touched(shift.practitioner, shift.team, *bounds(shift)))
    rota_changes.announce(touched)
    for practitioner, starts, ends, its_team in lost:
        rota_overrides.lose_time(practitioner, starts, ends, team=its_team)
    records.audit.record(
        actor,
        "rota-imported",
        f"CareTeam/{team}",
        {act.value: found.count(act) for act in Act if found.count(act)},
    )
    return found


def export(form: str, *, start: datetime, end: datetime, team: str | None = None,
           practitioner: str | None = None) -> bytes:  # fmt: skip
    """Return the rota of a team or of a person in [start, end), called-off shifts included."""
    definition = definitions.current()
    here = f"CareTeam/{team}" if team else None
    shifts = rota_query.shifts(here, start, end)
    stands = [_of_shift(each) for each in shifts if practitioner in (None, each.practitioner)]
    gone = [
        _of_history(each)
        for each in rota_query.called_off(start, end)
        if here in (None, each.team) and practitioner in (None, each.practitioner)
    ]
    if form == "csv":
        return rota_table.write(stands, gone, time_zone=definition.time_zone)
    names = {code: each.name for code, each in definition.staff.items()}
    names |= {code: each.name for code, each in definition.teams.items()}
    return rota_calendar.write(
        stands, gone, names=names, now=clock.now(), time_zone=definition.time_zone
    )


def _fill(actor: Actor, shift: Shift, entry: Entry, reason: str) -> None:
    person = rota_changes.staff(f"Practitioner/{entry.username}")
    shift.practitioner = f"Practitioner/{entry.username}"
    shift.during = Range(entry.starts_at, entry.ends_at)
    shift.role, shift.team = person.role, f"CareTeam/{entry.team}"
    shift.service = f"HealthcareService/{entry.service}" if entry.service else None
    shift.areas = list(entry.areas)
    shift.place = (entry.areas or person.areas or (None,))[0]
    shift.kind, shift.minutes = entry.kind, person.capacity_minutes
    # The file's count goes on from ours, so that the same file again is the same state.
    shift.sequence = max(shift.sequence or 0, entry.sequence or 0)
    shift.known_from, shift.changed_by = clock.now(), actor.id
    shift.cause, shift.reason = "imported", reason


def _wrong_codes(actor: Actor, entries: Sequence[Entry]) -> list[Fault]:
    definition = definitions.current()
    faults = []
    for each in entries:
        if each.username not in definition.staff:
            faults.append(Fault(each.where, "person", f"{each.username} is not one of the staff"))
            continue
        if not rota_changes.may_plan(actor, f"CareTeam/{each.team}"):
            faults.append(Fault(each.where, "team", f"{each.team} is not yours to plan"))
            continue
        try:
            rota_overrides.check_shift(
                rota.Shift(
                    staff=f"Practitioner/{each.username}",
                    team=f"CareTeam/{each.team}",
                    starts_at=each.starts_at,
                    ends_at=each.ends_at,
                    kind=each.kind,
                    service=f"HealthcareService/{each.service}" if each.service else None,
                    areas=each.areas,
                )
            )
        except RuleError as refusal:
            faults.append(Fault(each.where, refusal.field or "shift", refusal.text))
    return faults


def _not_ours(actor: Actor, lines: Sequence[Line]) -> list[Fault]:
    """A file must not take a shift off a team that its sender does not plan."""
    faults = []
    for line in lines:
        if line.before is None or line.act not in {Act.CANCEL, Act.CHANGE}:
            continue
        try:
            rota_changes.check_may_plan(actor, f"CareTeam/{line.before.team}")
        except NotPermittedError:
            text = f"names a shift of {line.before.team}, which is not yours to plan"
            faults.append(Fault(line.entry.where, "UID", text))
        if line.before.ends_at <= clock.now():
            faults.append(Fault(line.entry.where, "UID", "names a shift that is over"))
    return faults


def _overlaps(lines: Sequence[Line]) -> list[Fault]:
    """Find who would work two shifts at once, among what stands and what comes."""
    coming = [each.entry for each in lines if each.act in {Act.ADD, Act.CHANGE}]
    if not coming:
        return []
    replaced = [each.before.id for each in lines if each.before and each.act is not Act.SAME]
    people = sorted({f"Practitioner/{each.username}" for each in coming})
    span = Range(
        min(each.starts_at for each in coming) - timedelta(days=1),
        max(each.ends_at for each in coming) + timedelta(days=1),
    )
    stand = db.session.scalars(
        select(Shift).where(
            Shift.practitioner.in_(people),
            Shift.during.overlaps(span),
            Shift.id.not_in(replaced),
        )
    )
    kept = {each.uid for each in coming}
    where = {}
    shifts = []
    for each in coming:
        shift = rota.Shift(f"Practitioner/{each.username}", each.team, each.starts_at, each.ends_at)
        where[id(shift)] = each.where
        shifts.append(shift)
    shifts += [rota_changes.as_rule(each) for each in stand if each.uid not in kept]
    faults = []
    for first, second in rota.overlapping(shifts):
        named = where.get(id(second)) or where.get(id(first)) or "the file"
        other = first if id(second) in where else second
        text = f"{rota_changes.name_of(first.staff)} works from {other.starts_at.isoformat()} too"
        faults.append(Fault(named, "starts", text))
    return faults


def _standing(uids: Sequence[str]) -> dict[str, Standing]:
    found = db.session.scalars(select(Shift).where(Shift.uid.in_(uids)))
    return {each.uid: _of_shift(each) for each in found}


def _gone(uids: Sequence[str]) -> dict[str, int]:
    """Return the SEQUENCE of shifts that were called off: one more than their last state had."""
    rows = db.session.execute(
        select(RotaHistory.uid, RotaHistory.content).where(
            RotaHistory.uid.in_(uids), RotaHistory.kind == "shift"
        )
    )
    gone: dict[str, int] = {}
    for uid, content in rows:
        gone[uid] = max(gone.get(uid, 0), int(content.get("sequence", 0)) + 1)
    return gone


def _of_shift(each: Shift) -> Standing:
    starts, ends = bounds(each)
    return Standing(
        id=each.id,
        uid=each.uid,
        sequence=each.sequence,
        username=each.practitioner.removeprefix("Practitioner/"),
        team=(each.team or "").removeprefix("CareTeam/"),
        starts_at=starts,
        ends_at=ends,
        kind=each.kind,
        service=each.service.removeprefix("HealthcareService/") if each.service else None,
        areas=tuple(each.areas),
    )


def _of_history(each: RotaHistory) -> Standing:
    assert each.during.lower is not None
    assert each.during.upper is not None
    service = each.content.get("service")
    return Standing(
        id=each.row_id,
        uid=each.uid or each.row_id,
        sequence=int(each.content.get("sequence", 0)) + 1,
        username=each.practitioner.removeprefix("Practitioner/"),
        team=(each.team or "").removeprefix("CareTeam/"),
        starts_at=each.during.lower,
        ends_at=each.during.upper,
        kind=each.content.get("kind", rota.WORK),
        service=service.removeprefix("HealthcareService/") if service else None,
        areas=tuple(each.content.get("areas", ())),
    )
