"""A tiny invented SNOMED CT release (RF2 snapshot): fruit, as no edition of SNOMED CT lists it.

Identifiers are made up and have right check digits; only the few of the release format itself
(is a, fully specified name, preferred, the dialects) are SNOMED CT's own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fhir.terminology.sctid import check_digit
from hub.adapters import rf2_files
from hub.adapters.rf2_files import Kind
from hub.services.snomed_releases import (
    CORE,
    DEFINED,
    FULLY_SPECIFIED_NAME,
    IS_A,
    PREFERRED,
)

PRIMITIVE = 900000000000074008
SYNONYM = 900000000000013009
ACCEPTABLE = 900000000000549004
BRITISH = 900000000000508004
AMERICAN = 900000000000509007
INFERRED = 900000000000011006
SOME = 900000000000451002


def sctid(item: int, partition: str = "00") -> str:
    digits = f"{item}{partition}"
    return digits + check_digit(digits)


NAMES = ("thing", "fruit", "red", "apple", "berry", "strawberry", "old", "favourites")
ID: Mapping[str, str] = {name: sctid(77000 + number) for number, name in enumerate(NAMES)}
"""Name -> concept id."""

PARENTS: Sequence[tuple[str, str]] = (
    ("fruit", "thing"),
    ("red", "thing"),
    ("favourites", "thing"),
    ("apple", "fruit"),
    ("berry", "fruit"),
    ("strawberry", "berry"),
    ("strawberry", "red"),
)
MODULE = sctid(77900)


@dataclass
class Release:
    """What is in the files; a test changes what it is about."""

    date: str = "20260401"
    concepts: list[Sequence[object]] = field(default_factory=list)
    descriptions: list[Sequence[object]] = field(default_factory=list)
    relationships: list[Sequence[object]] = field(default_factory=list)
    languages: list[Sequence[object]] = field(default_factory=list)
    members: list[Sequence[object]] = field(default_factory=list)

    def write(self, folder: Path, name: str = "INT") -> Path:
        terminology = folder / "Snapshot" / "Terminology"
        refset = folder / "Snapshot" / "Refset"
        for each in (terminology, refset):
            each.mkdir(parents=True, exist_ok=True)
        for path, kind, rows in (
            (terminology / f"sct2_Concept_Snapshot_{name}", rf2_files.CONCEPTS, self.concepts),
            (
                terminology / f"sct2_Description_Snapshot-en_{name}",
                rf2_files.DESCRIPTIONS,
                self.descriptions,
            ),
            (
                terminology / f"sct2_Relationship_Snapshot_{name}",
                rf2_files.RELATIONSHIPS,
                self.relationships,
            ),
            (
                refset / f"der2_cRefset_LanguageSnapshot-en_{name}",
                rf2_files.LANGUAGES,
                self.languages,
            ),
            (refset / f"der2_Refset_SimpleSnapshot_{name}", rf2_files.REFSETS, self.members),
        ):
            Path(f"{path}_{self.date}.txt").write_bytes(_file(kind, rows))
        return folder


def _file(kind: Kind, rows: Iterable[Sequence[object]]) -> bytes:
    lines = ["\t".join(kind.columns), *("\t".join(map(str, row)) for row in rows)]
    return "".join(f"{line}\r\n" for line in lines).encode()


def fruit(date: str = "20260401") -> Release:
    """Return the release: eight concepts, one of them inactive, one reference set."""
    made = Release(date)
    for number, (name, concept) in enumerate(ID.items()):
        active = int(name != "old")
        defined = DEFINED if name == "strawberry" else PRIMITIVE
        made.concepts.append((concept, date, active, CORE, defined))
        for kind, term, rank in (
            (FULLY_SPECIFIED_NAME, f"{name.capitalize()} (invented)", 1),
            (SYNONYM, f"{name.capitalize()} in Britain", 2),
            (SYNONYM, f"{name.capitalize()} in America", 3),
        ):
            description = sctid(88000 + number * 10 + rank, "01")
            made.descriptions.append(
                (description, date, 1, CORE, concept, "en", kind, term, SYNONYM)
            )
            for dialect in (BRITISH, AMERICAN):
                preferred = rank == {BRITISH: 2, AMERICAN: 3}[dialect] or rank == 1
                made.languages.append(
                    (
                        f"l-{description}-{dialect}",
                        *(date, 1, CORE, dialect, description),
                        PREFERRED if preferred else ACCEPTABLE,
                    )
                )
    for number, (below, above) in enumerate(PARENTS):
        relationship = sctid(99000 + number, "02")
        made.relationships.append(
            (relationship, date, 1, CORE, ID[below], ID[above], 0, IS_A, INFERRED, SOME)
        )
    for name in ("strawberry", "red"):
        made.members.append((f"m-{name}", date, 1, CORE, ID["favourites"], ID[name]))
    return made
