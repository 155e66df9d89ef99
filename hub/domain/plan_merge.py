"""Three-way merge of a plan: who changed what since the version an edit was made from.

Source: the care model, section 7: "two people changing different parts both succeed; changing
the same field shows both versions and asks; nothing is ever silently overwritten".
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """One field that both sides changed, each in their own way."""

    field: str
    base: str
    theirs: str
    ours: str


@dataclass(frozen=True, slots=True)
class Merged:
    """``fields`` has both sides' changes; of a conflict it keeps what is saved (theirs)."""

    fields: dict[str, str]
    conflicts: tuple[FieldConflict, ...]
    changed: tuple[str, ...]
    """Fields that saving would change from what is saved now."""


def merge(base: Mapping[str, str], theirs: Mapping[str, str], ours: Mapping[str, str]) -> Merged:
    """Merge field by field; an absent field is an empty one."""
    fields = {}
    conflicts = []
    changed = []
    for field in dict.fromkeys((*theirs, *ours, *base)):
        was, saved, mine = (each.get(field, "") for each in (base, theirs, ours))
        if mine in (was, saved):
            value = saved
        elif saved == was:
            value = mine
            changed.append(field)
        else:
            value = saved
            conflicts.append(FieldConflict(field=field, base=was, theirs=saved, ours=mine))
        if value:
            fields[field] = value
    return Merged(fields=fields, conflicts=tuple(conflicts), changed=tuple(changed))


def merge_sets(
    base: tuple[str, ...], theirs: tuple[str, ...], ours: tuple[str, ...]
) -> tuple[str, ...]:
    """Merge lists of references: what either side added stays, what either removed goes."""
    removed = (set(base) - set(theirs)) | (set(base) - set(ours))
    return tuple(item for item in dict.fromkeys((*theirs, *ours)) if item not in removed)
