"""A SNOMED CT release is loaded whole, in one transaction, or not at all."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select

from hub.db import db
from hub.domain.actor import hub_actor
from hub.domain.errors import StateError
from hub.models.snomed_release import SnomedRelease
from hub.records.snomed import release
from hub.records.snomed_tables import TABLES
from hub.records.tables import AUDIT
from hub.services import snomed_releases
from hub.services.snomed_releases import ReleaseError
from hub.settings import ROOT
from hub.transaction import transaction
from tests.rf2 import ID, MODULE, Release, fruit, sctid

HUB = hub_actor("test")
PEAR = sctid(77100)


def load(folder: Path, **options: int) -> SnomedRelease:
    with transaction():
        return snomed_releases.load(HUB, folder, edition=options.get("edition"))


def counts() -> dict[str, int]:
    with db.engine.connect() as connection:
        return {table.name: len(connection.execute(select(table)).fetchall()) for table in TABLES}


def test_a_release_is_loaded_with_everything_that_is_active(app: Flask, tmp_path: Path) -> None:
    made = load(fruit().write(tmp_path))

    assert made.version == "http://snomed.info/sct/900000000000207008/version/20260401"
    assert made.concepts == 8
    assert counts() == {
        "snomed_concept": 8,
        "snomed_description": 24,
        "snomed_parent": 7,
        "snomed_member": 2,
    }
    audited = db.session.execute(select(AUDIT.c.action, AUDIT.c.detail)).fetchall()
    assert [(action, detail["version"]) for action, detail in audited] == [
        ("terminology-loaded", made.version)
    ]


def test_the_newest_state_of_a_component_counts_whichever_module_brought_it(
    app: Flask, tmp_path: Path
) -> None:
    fruit().write(tmp_path)
    later = Release("20260501")
    later.concepts = [
        (PEAR, "20260501", 1, MODULE, 900000000000074008),
        # An older state, in a file that is read later.
        (ID["berry"], "20200101", 0, MODULE, 900000000000074008),
    ]
    later.relationships = [
        (sctid(99100, "02"), "20260501", 1, MODULE, PEAR, ID["fruit"], 0, 116680003, 1, 1),
        # Not an is-a relationship.
        (sctid(99101, "02"), "20260501", 1, MODULE, PEAR, ID["red"], 0, PEAR, 1, 1),
    ]
    later.members = [("m-red", "20260501", 0, MODULE, ID["favourites"], ID["red"])]
    later.write(tmp_path / "Extension", "XX")

    made = load(tmp_path)
    snomed = release(None)

    assert snomed is not None
    # The edition is named by the module that is not international, its date is the newest.
    assert made.version == f"http://snomed.info/sct/{MODULE}/version/20260501"
    assert snomed.ancestors(PEAR) == {ID["fruit"], ID["thing"]}
    berry = snomed.concept(ID["berry"])
    assert berry is not None
    assert not berry.inactive
    assert counts()["snomed_member"] == 1


def test_the_edition_can_be_named(app: Flask, tmp_path: Path) -> None:
    made = load(fruit().write(tmp_path), edition=999000011000000103)

    assert made.version.startswith("http://snomed.info/sct/999000011000000103/")


def test_a_release_takes_the_place_of_the_one_before(app: Flask, tmp_path: Path) -> None:
    load(fruit().write(tmp_path / "first"))
    second = fruit("20261001")
    second.concepts.append((PEAR, "20261001", 1, 900000000000207008, 900000000000074008))
    load(second.write(tmp_path / "second"))

    snomed = release(None)
    assert snomed is not None
    assert snomed.version == "http://snomed.info/sct/900000000000207008/version/20261001"
    assert snomed.concept(PEAR) is not None
    assert counts()["snomed_concept"] == 9
    assert len(db.session.scalars(select(SnomedRelease)).all()) == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("no relationships", "no snapshot file of Relationship"),
        ("other columns", "its columns are not those of RF2 Concept"),
        ("cut", "ends in the middle of line 9"),
        ("short row", "line 3: it is no row of Description"),
        ("damaged id", "line 2: the concept id is damaged"),
        ("not UTF-8", "line 2: it is not UTF-8"),
        ("missing parent", "1 relationships name concepts that are not there"),
        ("missing concept", "3 descriptions name concepts that are not there"),
        ("empty", "there is no concept in it"),
    ],
)
def test_a_release_that_is_not_whole_changes_nothing(
    app: Flask, tmp_path: Path, fault: str, words: str
) -> None:
    load(fruit().write(tmp_path / "good"))
    before = counts()
    bad = fruit("20261001")
    if fault == "missing parent":
        bad.relationships[0] = (*bad.relationships[0][:5], PEAR, *bad.relationships[0][6:])
    elif fault == "missing concept":
        del bad.concepts[6]
    elif fault == "empty":
        bad = Release("20261001")
    folder = bad.write(tmp_path / "bad")
    concepts = next(folder.rglob("sct2_Concept_*"))
    descriptions = next(folder.rglob("sct2_Description_*"))
    match fault:
        case "no relationships":
            next(folder.rglob("sct2_Relationship_*")).unlink()
        case "other columns":
            concepts.write_bytes(concepts.read_bytes().replace(b"moduleId", b"module"))
        case "cut":
            concepts.write_bytes(concepts.read_bytes()[:-3])
        case "short row":
            lines = descriptions.read_bytes().split(b"\r\n")
            lines[2] = lines[2].rpartition(b"\t")[0]
            descriptions.write_bytes(b"\r\n".join(lines))
        case "damaged id":
            wrong = ID["thing"][:-1] + str((int(ID["thing"][-1]) + 1) % 10)
            concepts.write_bytes(
                concepts.read_bytes().replace(ID["thing"].encode(), wrong.encode())
            )
        case "not UTF-8":
            descriptions.write_bytes(descriptions.read_bytes().replace(b"Thing", b"\xff\xfe", 1))

    with pytest.raises(ReleaseError) as refused:
        load(folder)

    assert words in refused.value.text
    assert counts() == before
    snomed = release(None)
    assert snomed is not None
    assert snomed.version is not None
    assert snomed.version.endswith("20260401")


_KILLED = """
import sys, time
from pathlib import Path
from hub import settings
from hub.app import create_app
from hub.domain.actor import hub_actor
from hub.services import snomed_releases
from hub.transaction import transaction

read = 0
def progress(_bytes):
    global read
    read += 1
    if read == int(sys.argv[3]):
        print("half", flush=True)
        time.sleep(60)

app = create_app(settings.load({"DATABASE_URL": sys.argv[1], "CAREHUB_HOME": sys.argv[4]}))
with app.app_context(), transaction():
    snomed_releases.load(hub_actor("test"), Path(sys.argv[2]), progress=progress)
"""


@pytest.mark.fault
@pytest.mark.parametrize("files", [1, 5], ids=["after the first file", "after the last"])
def test_a_load_that_is_killed_leaves_the_release_before(
    app: Flask, tmp_path: Path, files: int
) -> None:
    load(fruit().write(tmp_path / "good"))
    before = counts()
    folder = fruit("20261001").write(tmp_path / "next")
    url = app.config["CAREHUB"].database_url
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED, url, str(folder), str(files), str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as loading:
        assert loading.stdout is not None
        assert loading.stdout.readline() == "half\n"
        with pytest.raises(StateError, match="being loaded at this moment"):
            load(folder)
        db.session.remove()
        loading.kill()
        loading.wait(20)
    _wait_until_gone(url)

    assert counts() == before
    assert load(folder).version.endswith("20261001")
    assert counts() == before


def _wait_until_gone(url: str) -> None:
    """Wait until the server has noticed that the killed process is away."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("SET statement_timeout = '20s'")
        connection.execute("SELECT pg_advisory_lock(7201)")
        # A connection that is closed holds its locks until the server has seen it.
        connection.execute("SELECT pg_advisory_unlock(7201)")
