"""The hub definition at work: loaded from files, kept in versions, one of them active."""

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.definition import HubDefinition
from hub.domain.errors import StateError
from hub.models.definition import DefinitionVersion
from hub.services import definition_files
from hub.services.definition_files import DefinitionError, Files
from hub.transaction import current as open_transaction

__all__ = [
    "DefinitionError",
    "activate",
    "before_activation",
    "check",
    "current",
    "diff",
    "load",
    "revise",
]

_SEEN = "hub-definition"


def check(folder: Path) -> HubDefinition:
    """Read and check the files of a folder, without storing anything."""
    return definition_files.build(definition_files.read(folder))


def load(actor: Actor, folder: Path) -> DefinitionVersion:
    """Store the files of a folder as a version and make it the active one.

    The same content is the same version: loading it again changes nothing.
    """
    files = definition_files.read(folder)
    found, is_new = _store(actor, files)
    active = db.session.scalar(select(DefinitionVersion).where(DefinitionVersion.active))
    if active is not None and not is_new and _made_by_hand(active, found):
        # The files are those of before: what a person decided since then stays.
        return active
    return activate(actor, found.id)


def revise(actor: Actor, section: str, said: list[dict[str, Any]]) -> DefinitionVersion:
    """Store the active definition with entries of one section replaced or added; activate it.

    Every reference is checked again, as for files.
    """
    active = db.session.scalar(select(DefinitionVersion).where(DefinitionVersion.active))
    if active is None:
        raise StateError("no hub definition is active: load one first")
    content = json.loads(active.content)
    entries = {entry["code"]: entry for entry in content[section]}
    entries |= {entry["code"]: entry for entry in definition_files.plain(said)}
    content[section] = list(entries.values())
    found, _ = _store(actor, Files(content))
    return activate(actor, found.id)


def _made_by_hand(active: DefinitionVersion, found: DefinitionVersion) -> bool:
    return active.hub == found.hub and active.loaded_by.startswith("user/")


def _store(actor: Actor, files: Files) -> tuple[DefinitionVersion, bool]:
    """Return the version with this content, and whether it is a new one."""
    made = definition_files.build(files)
    content = json.dumps(files.content, ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()
    found = db.session.scalar(
        select(DefinitionVersion).where(
            DefinitionVersion.hub == made.code, DefinitionVersion.digest == digest
        )
    )
    if found is not None:
        return found, False
    last = db.session.scalar(
        select(func.max(DefinitionVersion.number)).where(DefinitionVersion.hub == made.code)
    )
    found = DefinitionVersion(
        id=records.new_id(),
        hub=made.code,
        number=(last or 0) + 1,
        digest=digest,
        content=content,
        active=False,
        loaded_at=clock.now(),
        loaded_by=actor.id,
    )
    db.session.add(found)
    db.session.flush()
    return found, True


Check = Callable[[HubDefinition, HubDefinition], None]
"""Gets the definition at work and the one that is to follow it; raises a RuleError to refuse."""

_checks: list[Check] = []


def before_activation(function: Check) -> Check:
    """Register a check of a change of definition: what the hub holds may forbid it."""
    _checks.append(function)
    return function


def activate(actor: Actor, version_id: str) -> DefinitionVersion:
    """Make a stored version the one that the hub works by."""
    chosen = db.session.get(DefinitionVersion, version_id)
    if chosen is None:
        raise StateError(f"there is no definition version {version_id}", field="version_id")
    if not chosen.active:
        at_work = db.session.scalar(select(DefinitionVersion.id).where(DefinitionVersion.active))
        if at_work is not None:
            for check_change in _checks:
                check_change(_built(at_work), _built(chosen.id))
        db.session.execute(
            update(DefinitionVersion).where(DefinitionVersion.active).values(active=False)
        )
        chosen.active = True
        chosen.activated_at = clock.now()
        db.session.flush()
        if (opened := open_transaction()) is not None:
            opened.seen.pop(_SEEN, None)
        records.audit.record(
            actor,
            "definition-activated",
            f"DefinitionVersion/{chosen.id}",
            {"hub": chosen.hub, "number": chosen.number},
        )
    return chosen


def current() -> HubDefinition:
    """Return the active definition; the shape itself is kept in memory.

    Which one it is takes an indexed look-up, once a transaction: half a referral is never decided
    by one version and half by the next.
    """
    opened = open_transaction()
    active = opened.seen.get(_SEEN) if opened is not None else None
    if active is None:
        active = db.session.scalar(select(DefinitionVersion.id).where(DefinitionVersion.active))
        if active is None:
            raise StateError("no hub definition is active: load one first")
        if opened is not None:
            opened.seen[_SEEN] = active
    return _built(active)


@lru_cache(maxsize=8)
def _built(version_id: str) -> HubDefinition:
    # A version never changes, so a process may keep what it built from one for ever.
    content = db.session.scalar(
        select(DefinitionVersion.content).where(DefinitionVersion.id == version_id)
    )
    if content is None:
        raise StateError(f"there is no definition version {version_id}")
    return definition_files.build(Files(json.loads(content)))


def diff(before: DefinitionVersion, after: DefinitionVersion) -> list[str]:
    """Return what changed, one line each: ``services.falls.minutes: 45 -> 60``."""
    return list(_changes("", _keyed(json.loads(before.content)), _keyed(json.loads(after.content))))


def _keyed(said: Any) -> Any:
    """Turn lists of coded entries into mappings, so that moving one is no change."""
    if isinstance(said, dict):
        return {key: _keyed(value) for key, value in said.items()}
    if isinstance(said, list) and said and all(isinstance(each, dict) for each in said):
        return {
            str(each.get("code") or each.get("username") or each.get("name")): _keyed(each)
            for each in said
        }
    return said


def _changes(path: str, before: Any, after: Any) -> list[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            line
            for key in sorted({*before, *after})
            for line in _changes(f"{path}.{key}" if path else key, before.get(key), after.get(key))
        ]
    if before == after:
        return []
    return [f"{path}: {_shown(before)} -> {_shown(after)}"]


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
