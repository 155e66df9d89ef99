"""The rota as CSV (RFC 4180): one shift a row, the columns named in the first row."""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hub.domain.rota import KINDS, WORK
from hub.domain.rota_exchange import Entry, Fault, Standing

COLUMNS = (
    "uid", "sequence", "person", "team", "starts", "ends", "kind", "service", "areas", "status",
)  # fmt: skip
"""``person`` (username), ``starts`` and ``ends`` are required; the others may be left out."""

NEEDED = ("person", "starts", "ends")
STATUSES = ("confirmed", "cancelled")
_LARGEST_CELL = 200


def write(shifts: Iterable[Standing], called_off: Iterable[Standing], *, time_zone: str) -> bytes:
    """Return the shifts as a table; local times with their offset, so that no hour is unclear."""
    here = ZoneInfo(time_zone)
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for each, status in [
        *((s, "confirmed") for s in shifts),
        *((s, "cancelled") for s in called_off),
    ]:
        table.writerow(
            (
                each.uid,
                each.sequence,
                each.username,
                each.team,
                each.starts_at.astimezone(here).isoformat(timespec="minutes"),
                each.ends_at.astimezone(here).isoformat(timespec="minutes"),
                each.kind,
                each.service or "",
                " ".join(each.areas),
                status,
            )
        )
    return out.getvalue().encode()


def read(content: bytes, *, team: str, time_zone: str) -> tuple[list[Entry], list[Fault]]:
    """Return the shifts of a table and everything that is wrong with it, by row and column."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [], [Fault("the file", "encoding", "is not UTF-8")]
    first = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text), delimiter=";" if ";" in first else ",", strict=True)
    try:
        header = [name.strip().lower() for name in rows.fieldnames or []]
        unknown = [name for name in header if name not in COLUMNS]
        missing = [name for name in NEEDED if name not in header]
        if unknown or missing or len(set(header)) != len(header):
            wrong = [f"{name} is missing" for name in missing]
            wrong += [f"{name or 'an empty name'} is no column" for name in unknown]
            told = "; ".join(wrong) or "a column is there twice"
            return [], [Fault("row 1", "header", f"{told}; allowed: {', '.join(COLUMNS)}")]
        rows.fieldnames = header
        entries: list[Entry] = []
        faults: list[Fault] = []
        for row in rows:
            where = f"row {rows.line_num}"
            if None in row or None in row.values():
                faults.append(Fault(where, "columns", f"has not {len(header)} columns"))
                continue
            cells = {name: value.strip() for name, value in row.items()}
            if not any(cells.values()):
                continue
            found = _entry(where, cells, team, ZoneInfo(time_zone))
            (faults if isinstance(found, Fault) else entries).append(found)  # type: ignore[arg-type]
    except csv.Error as error:
        return [], [Fault(f"row {rows.line_num}", "columns", f"cannot be read: {error}")]
    return entries, faults


def _entry(where: str, cells: Mapping[str, str], team: str, here: ZoneInfo) -> Entry | Fault:
    for name, value in cells.items():
        if len(value) > _LARGEST_CELL:
            return Fault(where, name, f"is longer than {_LARGEST_CELL} characters")
    for name in NEEDED:
        if not cells[name]:
            return Fault(where, name, "is empty")
    moments = {}
    for name in ("starts", "ends"):
        moment = _moment(cells[name], here)
        if isinstance(moment, str):
            return Fault(where, name, moment)
        moments[name] = moment
    if moments["ends"] <= moments["starts"]:
        return Fault(where, "ends", "is not after starts")
    kind, status = cells.get("kind") or WORK, (cells.get("status") or "confirmed").lower()
    if kind not in KINDS:
        return Fault(where, "kind", f"is {kind}; allowed: {', '.join(KINDS)}")
    if status not in STATUSES:
        return Fault(where, "status", f"is {status}; allowed: {', '.join(STATUSES)}")
    sequence = cells.get("sequence", "")
    if sequence and not (sequence.isascii() and sequence.isdigit() and len(sequence) < 10):
        return Fault(where, "sequence", "is not a whole number")
    username = cells["person"].removeprefix("Practitioner/")
    return Entry(
        where=where,
        uid=cells.get("uid") or f"{username}-{moments['starts'].astimezone(UTC):%Y%m%dT%H%MZ}",
        sequence=int(sequence) if sequence else None,
        username=username,
        team=(cells.get("team") or team).removeprefix("CareTeam/"),
        starts_at=moments["starts"],
        ends_at=moments["ends"],
        kind=kind,
        service=cells.get("service") or None,
        areas=tuple(cells.get("areas", "").split()),
        cancelled=status == "cancelled",
    )


def _moment(text: str, here: ZoneInfo) -> datetime | str:
    """Return an aware moment, or what is wrong: a local hour that is not, or is twice."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return "is not a time; write 2026-12-28T07:30 or 2026-12-28T07:30+00:00"
    if len(text) <= len("2026-12-28"):
        return "is a day: a shift has hours"
    if moment.tzinfo is not None:
        return moment
    early, late = (moment.replace(tzinfo=here, fold=fold) for fold in (0, 1))
    if early.utcoffset() != late.utcoffset():
        if early.astimezone(UTC).astimezone(here).replace(tzinfo=None) != moment:
            return "does not exist on that day: the clocks go forward"
        return "is there twice on that day: the clocks go back; add the offset (+01:00 or +00:00)"
    return early
