"""``python -m tests.bench.bulk [rows]``: a bulk export beside a plain COPY, for docs/adr/0006.

In turns on one private PostgreSQL: COPY of the texts into a file; the list; the files from the
list, with what is withheld, digest, disk and audit; the same with a tenth superseded meanwhile.
Read the ratios: a shared machine's figures mean nothing.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median

from hub import clock, records, settings
from hub.adapters import bulk_files
from hub.api.bulk_content import given_away
from hub.app import create_app
from hub.db import db, driver
from hub.domain.actor import Actor, ActorKind
from hub.models.bulk import BulkJob
from hub.records import as_of
from hub.records.as_of import Selection
from hub.records.bulk import insert_many, new_version
from hub.services import bulk_jobs, exports
from hub.supervisor.engines import start_engines
from hub.transaction import transaction

_SEEDS = 2_000
_ROUNDS = 3
_PART = 10_000
_READER = Actor(
    kind=ActorKind.SYSTEM,
    id="client/bench",
    display="Bench",
    scopes=frozenset({"system/*.cruds"}),
)


def _fill(rows: int) -> None:
    with transaction():
        insert_many(
            _READER,
            [
                new_version(_READER, _weight(number), id=f"w{number:06d}")
                for number in range(_SEEDS)
            ],
        )
    columns = ", ".join(column.name for column in records.table("Observation").columns)
    copied = columns.replace("id,", "t.id || '-' || n,", 1)
    with transaction(), driver() as connection:
        connection.execute(
            f"INSERT INTO fhir_observation ({columns}) SELECT {copied} FROM fhir_observation t,"
            " generate_series(2, %s) n".encode(),
            (rows // _SEEDS,),
        )
    with driver() as connection:
        connection.execute("VACUUM ANALYZE fhir_observation")


def _weight(number: int) -> dict[str, object]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {
            "coding": [
                {"system": "http://snomed.info/sct", "code": "27113001", "display": "Body weight"}
            ],
            "text": "Body weight",
        },
        "subject": {"reference": f"Patient/p{number % 97:05d}", "display": "Somebody invented"},
        "performer": [{"reference": f"Practitioner/n{number % 13}"}],
        "effectiveDateTime": f"2026-05-{number % 28 + 1:02d}T09:30:00+01:00",
        "valueQuantity": {
            "value": 50 + number % 50,
            "unit": "kg",
            "system": "http://unitsofmeasure.org",
            "code": "kg",
        },
        "note": [{"text": "Weighed at home, on the person's own scales, in light clothes."}],
    }


def _plain_copy(folder: Path) -> None:
    with (
        driver() as connection,
        (folder / "plain").open("wb") as file,
        connection.cursor().copy("COPY (SELECT content FROM fhir_observation) TO STDOUT") as copy,
    ):
        for block in copy:
            file.write(block)


def _list(folder: Path) -> None:
    chosen = Selection("Observation", clock.now())
    with as_of.one_snapshot():
        members = as_of.versions(_READER, chosen)
        bulk_files.write_list(folder / "lists" / "Observation", members, _PART)


def _files(folder: Path, rows: int) -> None:
    listed = bulk_files.read_list(folder / "lists" / "Observation", 0, rows)
    turn = bulk_jobs.Turn("bench", "export", "bench")
    for place in range(0, rows, _PART):
        lines = exports.given(
            turn,
            _READER,
            "Observation",
            islice(listed, _PART),
            lambda record: given_away(record, ()),
        )
        written = bulk_files.write_lines(folder / f"Observation.{place}.ndjson", lines)
        assert written.count == min(_PART, rows - place)


def _supersede_a_tenth() -> None:
    with transaction(), driver() as connection:
        connection.execute(
            "INSERT INTO fhir_history (type, id, version, last_updated, deleted, patient_id,"
            " content) SELECT 'Observation', id, version, last_updated, deleted, patient_id,"
            " content FROM fhir_observation WHERE hashtext(id) % 10 = 0"
        )
        connection.execute(
            "UPDATE fhir_observation SET version = version + 1 WHERE hashtext(id) % 10 = 0"
        )


def _timed(what: Callable[[], None]) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


def main() -> None:
    rows = int(sys.argv[1]) // _SEEDS * _SEEDS if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as home, start_engines(Path(home)) as engines:
        app = create_app(
            settings.load(
                {
                    "CAREHUB_HOME": home,
                    "DATABASE_URL": engines.database_url,
                    "REDIS_URL": engines.redis_url,
                }
            )
        )
        with app.app_context():
            db.create_all()
            assert BulkJob.__tablename__
            _fill(rows)
            folder = bulk_files.new_folder("bench")
            found: dict[str, list[float]] = {}
            for _ in range(_ROUNDS):
                for name, what in (
                    ("plain COPY", lambda: _plain_copy(folder)),
                    ("list", lambda: _list(folder)),
                    ("files", lambda: _files(folder, rows)),
                ):
                    found.setdefault(name, []).append(_timed(what))
            _supersede_a_tenth()
            for _ in range(_ROUNDS):
                found.setdefault("files, a tenth superseded", []).append(
                    _timed(lambda: _files(folder, rows))
                )
            db.session.remove()
            db.engine.dispose()
    ceiling = median(found["plain COPY"])
    for name, times in found.items():
        took = median(times)
        print(f"{name:28} {rows / took:12,.0f} rows/s  {ceiling / took:6.3f} of COPY")


if __name__ == "__main__":
    main()
