"""SNOMED CT release files (RF2), read line by line: https://confluence.ihtsdotools.org/display/DOCRELFMT.

A release is a folder of tab-separated files; only its snapshot is read. A file that is not whole,
or a line that is not what its header says, is refused by name and line.
"""

import re
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path

from fhir.terminology.sctid import is_valid
from hub.domain.errors import RuleError

Progress = Callable[[int], None]

_STEP = 1 << 20


class ReleaseError(RuleError):
    """The folder is no release that can be loaded."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of release file: how it is called, and its columns."""

    name: str
    pattern: re.Pattern[str]
    columns: tuple[str, ...]
    optional: bool = False


_CORE = ("id", "effectiveTime", "active", "moduleId")
_REFSET = (*_CORE, "refsetId", "referencedComponentId")


def _kind(name: str, pattern: str, *columns: str, optional: bool = False) -> Kind:
    return Kind(name, re.compile(rf"x?{pattern}_\d{{8}}\.txt"), columns, optional)


CONCEPTS = _kind("Concept", r"sct2_Concept_\w*Snapshot_[\w-]+", *_CORE, "definitionStatusId")
DESCRIPTIONS = _kind(
    "Description",
    r"sct2_Description_\w*Snapshot-[\w-]+",
    *_CORE,
    *("conceptId", "languageCode", "typeId", "term", "caseSignificanceId"),
)
RELATIONSHIPS = _kind(
    "Relationship",
    r"sct2_Relationship_\w*Snapshot_[\w-]+",
    *_CORE,
    *("sourceId", "destinationId", "relationshipGroup", "typeId"),
    *("characteristicTypeId", "modifierId"),
)
LANGUAGES = _kind(
    "Language refset",
    r"der2_cRefset_(?:\w*Language\w*)Snapshot-[\w-]+",
    *_REFSET,
    "acceptabilityId",
    optional=True,
)
REFSETS = _kind(
    "Simple refset", r"der2_Refset_\w*Snapshot(?:-[\w-]+?)?_[\w-]+", *_REFSET, optional=True
)
KINDS = (CONCEPTS, DESCRIPTIONS, RELATIONSHIPS, LANGUAGES, REFSETS)

Files = dict[str, list[Path]]
"""Kind -> its files."""


def find(folder: Path) -> Files:
    """Return the snapshot files below a folder. Raises ReleaseError naming what is missing."""
    paths = sorted(path for path in folder.rglob("*.txt") if path.is_file())
    found = {
        kind.name: [path for path in paths if kind.pattern.fullmatch(path.name)] for kind in KINDS
    }
    missing = [kind.name for kind in KINDS if not kind.optional and not found[kind.name]]
    if missing:
        raise ReleaseError(
            f"{folder} holds no whole RF2 release: no snapshot file of {', '.join(missing)}"
        )
    return found


def size(files: Files) -> int:
    return sum(path.stat().st_size for paths in files.values() for path in paths)


def released_on(files: Files) -> str:
    """Return the newest date in the names of the concept files, as YYYYMMDD."""
    return max(path.stem.rpartition("_")[2] for path in files[CONCEPTS.name])


def rows(kind: Kind, paths: Iterable[Path], progress: Progress) -> Generator[list[str], None, None]:
    """Yield the columns of each line of the files of one kind."""
    for path in paths:
        yield from _rows_of(kind, path, progress)


def _rows_of(kind: Kind, path: Path, progress: Progress) -> Generator[list[str], None, None]:
    width = len(kind.columns)
    seen = 0
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            seen += len(raw)
            if seen >= _STEP:
                progress(seen)
                seen = 0
            if not raw.endswith(b"\n"):
                raise ReleaseError(f"{path.name} ends in the middle of line {number}: copy it anew")
            try:
                columns = raw.decode("utf-8").rstrip("\r\n").split("\t")
            except UnicodeDecodeError:
                raise ReleaseError(f"{path.name}, line {number}: it is not UTF-8") from None
            if number == 1:
                if tuple(columns) != kind.columns:
                    raise ReleaseError(
                        f"{path.name}: its columns are not those of RF2 {kind.name}: "
                        f"{', '.join(kind.columns)}"
                    )
                continue
            if len(columns) != width or columns[2] not in {"0", "1"} or not columns[1].isdigit():
                raise ReleaseError(f"{path.name}, line {number}: it is no row of {kind.name}")
            if kind is CONCEPTS and not is_valid(columns[0]):
                raise ReleaseError(f"{path.name}, line {number}: the concept id is damaged")
            yield columns
    progress(seen)
