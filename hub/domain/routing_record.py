"""A routing decision as it is kept: small, shared, in a numbered format, decided again when read.

Most of what a decision looked at is the same for every task of the hour: who is in the team, the
rota, the calendar, the weights. Such *pieces* are kept once, under the digest of their content,
and a decision names them; of its own it keeps the task and what changes from task to task, one
list a fact. What came out is kept as a total or a bar for each candidate, so that a reader can
tell whether the rules of today still come to the answer of then.

Format 1 was the whole decision in one object; it stays readable.
"""

import hashlib
import json
from collections.abc import Hashable, Mapping, MutableMapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from hub.domain import snapshot
from hub.domain.calendars import Calendar
from hub.domain.rota import Rota
from hub.domain.routing import again
from hub.domain.routing_facts import Candidate, Decision, Inputs, RoutingPolicy, RoutingTask

FORMAT = 2

_LIVE = (
    "load_minutes",
    "load_points",
    "open_urgent",
    "ahead_minutes",
    "recent_minutes",
    "last_saw",
    "team_saw",
    "may_see",
    "hidden_by",
    "conflict",
)
"""Facts of a candidate that change from task to task; all others are of the shared piece."""

_DEFAULTS: Mapping[str, Any] = {
    each.name: each.default for each in fields(Candidate) if each.name in _LIVE
}
_PIECES: Mapping[str, Any] = {
    "staff": tuple[Candidate, ...],
    "rota": Rota,
    "calendar": Calendar,
    "policy": RoutingPolicy,
}

Memo = MutableMapping[Hashable, tuple[str, str]]
"""Value of a piece -> (digest, JSON text): what the tasks of one batch share is frozen once."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A decision ready to be kept."""

    stored: dict[str, Any]
    """What belongs to this decision alone, as JSON."""
    pieces: Mapping[str, str]
    """Digest -> JSON text of each shared piece that it names."""


def pack(decision: Decision, memo: Memo | None = None) -> Packed:
    """Return the decision in the newest format."""
    known: Memo = {} if memo is None else memo
    inputs = decision.inputs
    parts: dict[str, Hashable] = {
        "staff": tuple(replace(each, **_DEFAULTS) for each in inputs.candidates),
        "rota": inputs.rota,
        "calendar": inputs.calendar,
        "policy": inputs.policy,
    }
    named, pieces = {}, {}
    for name, value in parts.items():
        if (name, value) not in known:
            text = json.dumps(snapshot.freeze(value), ensure_ascii=False, separators=(",", ":"))
            known[name, value] = hashlib.sha256(text.encode()).hexdigest(), text
        digest, text = known[name, value]
        named[name] = digest
        pieces[digest] = text
    stored = {
        "format": FORMAT,
        "now": inputs.now.isoformat(),
        "task": _short(inputs.task),
        "pieces": named,
        "live": _live(inputs.candidates),
        "outcome": outcome(decision),
    }
    return Packed(stored, pieces)


def needs(stored: Mapping[str, Any]) -> frozenset[str]:
    """Return the digests of the pieces that a stored decision names."""
    return frozenset(stored.get("pieces", {}).values())


def unpack(stored: Mapping[str, Any], pieces: Mapping[str, Any]) -> Decision:
    """Return the decision again: by the rules from its inputs, or as an old format kept it.

    ``pieces`` has the JSON value of each digest of ``needs``. Raises KeyError for one that is
    missing.
    """
    if "format" not in stored:
        return snapshot.thaw(Decision, stored)
    return again(inputs_of(stored, pieces))


def inputs_of(stored: Mapping[str, Any], pieces: Mapping[str, Any]) -> Inputs:
    """Return what a stored decision looked at."""
    if "format" not in stored:
        return snapshot.thaw(Inputs, stored["inputs"])
    given = {
        name: snapshot.thaw(kind, pieces[stored["pieces"][name]]) for name, kind in _PIECES.items()
    }
    live: list[dict[str, Any]] = [{} for _ in given["staff"]]
    for name, column in stored["live"].items():
        for position, value in enumerate(column) if isinstance(column, list) else column.items():
            live[int(position)][name] = value
    candidates = tuple(
        replace(each, **_thawed(values)) if values else each
        for each, values in zip(given["staff"], live, strict=True)
    )
    return Inputs(
        task=snapshot.thaw(RoutingTask, stored["task"]),
        candidates=candidates,
        rota=given["rota"],
        calendar=given["calendar"],
        policy=given["policy"],
        now=datetime.fromisoformat(stored["now"]),
    )


def replay(stored: Mapping[str, Any], pieces: Mapping[str, Any]) -> Decision:
    """Decide again from the inputs, whatever the format."""
    return again(inputs_of(stored, pieces))


def is_kept_whole(stored: Mapping[str, Any], decision: Decision) -> bool:
    """Whether a decision that was made again is the one that was kept."""
    if "format" not in stored:
        return bool(snapshot.thaw(Decision, stored) == decision)
    kept: bool = stored["outcome"] == json.loads(json.dumps(outcome(decision)))
    return kept


def outcome(decision: Decision) -> dict[str, Any]:
    """Return what came out: the owner, how far the search went, a total or a bar for each."""
    places: dict[str, list[int]] = {}
    for position, each in enumerate(decision.inputs.candidates):
        places.setdefault(each.staff, []).append(position)
    marks: list[int | str | None] = [None] * len(decision.inputs.candidates)
    for excluded in decision.exclusions:
        for position in places[excluded.staff]:
            marks[position] = str(excluded.bar)
    for score in decision.scores:
        for position in places[score.staff]:
            marks[position] = score.total
    return {"owner": decision.owner, "level": str(decision.level), "each": marks}


def _short(task: RoutingTask) -> dict[str, Any]:
    """Return what the task says beside what every task says."""
    frozen: dict[str, Any] = snapshot.freeze(task)
    usual = {each.name: each.default for each in fields(RoutingTask)}
    return {
        name: value
        for name, value in frozen.items()
        if value not in ([], None) and value != usual[name]
    }


def _live(candidates: tuple[Candidate, ...]) -> dict[str, Any]:
    """Return the live facts: a list where most have one, else only those who have."""
    columns: dict[str, Any] = {}
    for name in _LIVE:
        usual = _DEFAULTS[name]
        values = [snapshot.freeze(getattr(each, name)) for each in candidates]
        told = {str(place): value for place, value in enumerate(values) if value != usual}
        if told:
            columns[name] = values if len(told) * 3 > len(values) else told
    return columns


def _thawed(values: Mapping[str, Any]) -> dict[str, Any]:
    bare = {"staff": "", "name": "", "team": "", "role": "", **values}
    made = snapshot.thaw(Candidate, bare)
    return {name: getattr(made, name) for name in values}
