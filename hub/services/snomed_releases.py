"""Loading a SNOMED CT release that a licence holder has: whole, or not at all.

Everything happens in one transaction: whoever looks meanwhile, and whoever looks after a load that
was killed, finds the release that was there before. ``COPY`` brings the files in, the newest state
of each component over all modules counts, and the new release takes the old one's place.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from hub import records
from hub.adapters import rf2_files
from hub.adapters.rf2_files import Files, Kind, Progress, ReleaseError
from hub.clock import now
from hub.db import db, driver
from hub.domain.actor import Actor
from hub.domain.errors import StateError
from hub.models.snomed_release import SnomedRelease
from hub.records import snomed_tables

__all__ = ["ReleaseError", "load"]

_LOCK = 7_201
IS_A = 116680003
FULLY_SPECIFIED_NAME = 900000000000003001
PREFERRED = 900000000000548007
DEFINED = 900000000000073002
CORE = 900000000000207008
_MODEL = 900000000000012004

DIALECTS = (999001261000000100, 999000691000001104, 900000000000508004, 900000000000509007)
"""Language reference sets, the first that prefers a term decides: the NHS's clinical and
pharmacy realms, then British and American English."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """Which columns of a kind of file go into which temporary table."""

    kind: Kind
    table: str
    columns: str
    places: tuple[int, ...]


_COPIES = (
    _Copy(
        rf2_files.CONCEPTS,
        "rf2_concept",
        "id bigint, effective int, active bool, module bigint, definition bigint",
        (0, 1, 2, 3, 4),
    ),
    _Copy(
        rf2_files.DESCRIPTIONS,
        "rf2_description",
        "id bigint, effective int, active bool, concept_id bigint, language text, kind bigint,"
        " term text",
        (0, 1, 2, 4, 5, 6, 7),
    ),
    _Copy(
        rf2_files.RELATIONSHIPS,
        "rf2_relationship",
        "id bigint, effective int, active bool, source bigint, destination bigint, kind bigint",
        (0, 1, 2, 4, 5, 7),
    ),
    _Copy(
        rf2_files.LANGUAGES,
        "rf2_language",
        "id text, effective int, active bool, refset_id bigint, description_id bigint,"
        " acceptability bigint",
        (0, 1, 2, 4, 5, 6),
    ),
    _Copy(
        rf2_files.REFSETS,
        "rf2_member",
        "id text, effective int, active bool, refset_id bigint, concept_id bigint",
        (0, 1, 2, 4, 5),
    ),
)

# The newest row of each component, whichever module brought it.
_NEWEST = "SELECT DISTINCT ON (id) * FROM {0} ORDER BY id, effective DESC"

_INSERTS = (
    "INSERT INTO snomed_concept (release, id, active, defined, module)"
    f" SELECT %(release)s, id, active, definition = {DEFINED}, module"
    f" FROM ({_NEWEST.format('rf2_concept')}) c",
    "INSERT INTO snomed_description (release, id, concept_id, full_name, rank, language, term)"
    f" SELECT %(release)s, d.id, d.concept_id, d.kind = {FULLY_SPECIFIED_NAME},"
    " COALESCE(l.rank, 32767), d.language, d.term"
    f" FROM ({_NEWEST.format('rf2_description')}) d"
    " LEFT JOIN (SELECT description_id,"
    " min(COALESCE(array_position(%(dialects)s::bigint[], refset_id) - 1, 1000)) AS rank"
    f" FROM ({_NEWEST.format('rf2_language')}) n"
    f" WHERE active AND acceptability = {PREFERRED} GROUP BY description_id) l"
    " ON l.description_id = d.id WHERE d.active",
    "INSERT INTO snomed_parent (release, concept_id, parent_id)"
    " SELECT DISTINCT %(release)s, source, destination"
    f" FROM ({_NEWEST.format('rf2_relationship')}) r WHERE active AND kind = {IS_A}",
    "INSERT INTO snomed_member (release, refset_id, concept_id)"
    " SELECT DISTINCT %(release)s, refset_id, concept_id"
    f" FROM ({_NEWEST.format('rf2_member')}) m WHERE active",
)

_FAULTS = (
    (
        "SELECT count(*) FROM snomed_parent p WHERE p.release = %(release)s AND NOT EXISTS"
        " (SELECT 1 FROM snomed_concept c WHERE c.release = p.release AND c.id = p.concept_id)"
        " OR p.release = %(release)s AND NOT EXISTS"
        " (SELECT 1 FROM snomed_concept c WHERE c.release = p.release AND c.id = p.parent_id)",
        "{0} relationships name concepts that are not there: load the edition with everything it"
        " depends on",
    ),
    (
        "SELECT count(*) FROM snomed_description d WHERE d.release = %(release)s AND NOT EXISTS"
        " (SELECT 1 FROM snomed_concept c WHERE c.release = d.release AND c.id = d.concept_id)",
        "{0} descriptions name concepts that are not there",
    ),
    (
        "SELECT count(*) FROM (SELECT 1 WHERE NOT EXISTS"
        " (SELECT 1 FROM snomed_concept WHERE release = %(release)s)) none",
        "there is no concept in it",
    ),
)

_TABLES = tuple(table.name for table in snomed_tables.TABLES)


def load(
    actor: Actor,
    folder: Path,
    *,
    edition: int | None = None,
    progress: Progress = lambda _read: None,
) -> SnomedRelease:
    """Load the release of a folder and put it in the place of the one in use.

    Belongs into one transaction of the edge. ``edition`` is the module that the edition is named
    by; without it, the module with most concepts beside the international ones. Raises
    ReleaseError where the release is not whole.
    """
    files = rf2_files.find(folder)
    with driver() as connection:
        _alone(connection)
        _copy(connection, files, progress)
        named = edition or _edition(connection)
        made = SnomedRelease(
            edition=named,
            version=f"http://snomed.info/sct/{named}/version/{rf2_files.released_on(files)}",
            concepts=0,
            active=False,
            loaded_at=now(),
        )
        db.session.add(made)
        db.session.flush()
        values = {"release": made.id, "dialects": list(DIALECTS)}
        for statement in _INSERTS:
            connection.execute(statement.encode(), values)
        _check(connection, values)
        for table in _TABLES:
            # Plans are generic and made once: they must know how big the tables are now.
            connection.execute(f"ANALYZE {table}".encode())
        row = connection.execute(
            b"SELECT count(*) FROM snomed_concept WHERE release = %s", (made.id,)
        ).fetchone()
        assert row is not None
        made.concepts = row[0]
        _take_its_place(connection, made)
    records.audit.record(
        actor, "terminology-loaded", f"SnomedRelease/{made.id}", {"version": made.version}
    )
    return made


def _alone(connection: psycopg.Connection[Any]) -> None:
    row = connection.execute(b"SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,)).fetchone()
    if row is None or not row[0]:
        raise StateError("another SNOMED CT release is being loaded at this moment")


def _copy(connection: psycopg.Connection[Any], files: Files, progress: Progress) -> None:
    for each in _COPIES:
        connection.execute(
            f"CREATE TEMPORARY TABLE {each.table} ({each.columns}) ON COMMIT DROP".encode()
        )
        lines = rf2_files.rows(each.kind, files[each.kind.name], progress)
        with (
            closing(lines),
            connection.cursor().copy(f"COPY {each.table} FROM STDIN".encode()) as copy,
        ):
            for columns in lines:
                copy.write_row([columns[place] for place in each.places])


def _edition(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(
        b"SELECT module FROM rf2_concept WHERE module <> ALL(%s::bigint[])"
        b" GROUP BY module ORDER BY count(*) DESC, module LIMIT 1",
        ([CORE, _MODEL],),
    ).fetchone()
    return int(row[0]) if row else CORE


def _check(connection: psycopg.Connection[Any], values: dict[str, Any]) -> None:
    for statement, words in _FAULTS:
        row = connection.execute(statement.encode(), values).fetchone()
        assert row is not None
        if row[0]:
            raise ReleaseError(f"the release is not whole: {words.format(row[0])}")


def _take_its_place(connection: psycopg.Connection[Any], made: SnomedRelease) -> None:
    """Switch to the new release and forget the ones before."""
    connection.execute(b"UPDATE snomed_release SET active = false WHERE active")
    for table in _TABLES:
        connection.execute(f"DELETE FROM {table} WHERE release <> %s".encode(), (made.id,))
    connection.execute(b"DELETE FROM snomed_release WHERE id <> %s", (made.id,))
    made.active = True
    db.session.flush()
