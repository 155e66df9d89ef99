"""Lists of versions as of a moment, and their texts, whatever was written since."""

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask

from fhir.search.query import parse
from hub import clock, records
from hub.domain.actor import Actor
from hub.records import as_of
from hub.records.as_of import Selection
from hub.settings import ROOT, Settings
from hub.transaction import transaction

Put = Callable[..., None]


@pytest.fixture
def put(app: Flask, system_actor: Actor) -> Put:
    def write(name: str, /, **elements: object) -> None:
        body = {"resourceType": "Patient", "id": name, **elements}
        records.update(system_actor, body, type="Patient", id=name, create=True)

    return write


def listed(actor: Actor, chosen: Selection) -> set[tuple[str, int]]:
    with as_of.one_snapshot():
        return {(name, version) for name, version, _ in as_of.versions(actor, chosen)}


def test_a_list_has_what_stood_at_its_moment(put: Put, system_actor: Actor) -> None:
    for name in ("stays", "changes", "goes", "comes-back"):
        put(name)
    records.delete(system_actor, "Patient", "comes-back")
    moment = clock.now()
    put("changes", gender="female")
    put("changes", gender="male")
    put("comes-back")
    put("is-new")
    records.delete(system_actor, "Patient", "goes")

    assert listed(system_actor, Selection("Patient", moment)) == {
        ("stays", 1),
        ("changes", 1),
        ("goes", 1),
    }
    assert listed(system_actor, Selection("Patient", clock.now())) == {
        ("stays", 1),
        ("changes", 3),
        ("comes-back", 3),
        ("is-new", 1),
    }


def test_since_and_deletions_are_as_of_the_moment_too(put: Put, system_actor: Actor) -> None:
    for name in ("before", "gone", "again"):
        put(name)
    since = clock.now()
    put("before", gender="female")
    for name in ("gone", "again"):
        records.delete(system_actor, "Patient", name)
    moment = clock.now()
    put("again")
    put("before", gender="male")
    records.delete(system_actor, "Patient", "before")

    chosen = Selection("Patient", moment, since=since)
    assert listed(system_actor, chosen) == {("before", 2)}
    with as_of.one_snapshot():
        assert set(as_of.deletions(system_actor, chosen)) == {("gone", 2, 0), ("again", 2, 0)}


def test_searches_are_alternatives(put: Put, system_actor: Actor) -> None:
    put("a", gender="female")
    put("b", gender="male")
    put("c", birthDate="1941-05-04")
    filters = (
        parse("Patient", [("gender", "female")]),
        parse("Patient", [("birthdate", "1941-05-04")]),
    )
    chosen = Selection("Patient", clock.now(), filters=filters)
    assert listed(system_actor, chosen) == {("a", 1), ("c", 1)}


def test_texts_come_in_the_order_of_the_list_superseded_or_not(
    put: Put, system_actor: Actor
) -> None:
    for number in range(30):
        put(f"p{number}")
    put("p7", gender="female")
    records.delete(system_actor, "Patient", "p9")
    wanted = [(f"p{number}", 1) for number in reversed(range(30))] + [("p7", 2)]

    found = as_of.texts("Patient", [(*each, 0) for each in (*wanted, ("never", 1), ("p1", 2))])

    assert [(each.id, each.version) for each in found] == wanted
    assert found[0].text == records.vread(system_actor, "Patient", "p29", 1).text


def test_a_list_says_how_long_a_text_is(put: Put, system_actor: Actor) -> None:
    put("p", name=[{"family": "Żółć"}])
    moment = clock.now()
    put("p")

    with as_of.one_snapshot():
        ((_, _, size),) = as_of.versions(system_actor, Selection("Patient", moment))

    assert size == len(records.vread(system_actor, "Patient", "p", 1).text.encode())


def test_the_text_of_one_record_is_that_of_the_moment(put: Put, system_actor: Actor) -> None:
    early = clock.now()
    put("p", gender="female")
    moment = clock.now()
    put("p", gender="male")
    records.delete(system_actor, "Patient", "p")

    def text_at(then: datetime) -> str | None:
        return as_of.content("Patient", "p", then)

    found = text_at(moment)
    assert found is not None
    assert '"female"' in found
    assert text_at(early) is None
    assert text_at(clock.now()) is None


_EXPORT = """
import resource, sys
from hub import clock, settings
from hub.app import create_app
from hub.adapters import bulk_files
from hub.domain.actor import hub_actor
from hub.records import as_of
from hub.records.as_of import Selection
from hub.services import exports

exports.SAY_AFTER = 60.0
with create_app(settings.load()).app_context():
    folder = bulk_files.new_folder("memory")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    chosen = Selection("Binary", clock.now())
    with as_of.one_snapshot():
        members = as_of.versions(hub_actor("test"), chosen)
        ((begins, count),) = bulk_files.write_list(folder / "lists" / "Binary", members, 1000)
    listed = bulk_files.read_list(folder / "lists" / "Binary", begins, count)
    lines = exports.given(None, hub_actor("test"), "Binary", listed, lambda record: record.text)
    written = bulk_files.write_lines(folder / "Binary.0001.ndjson", lines)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bulk_files.remove("memory")
    print(written.size // 1024, after - before)
"""


def test_an_export_has_few_texts_in_memory_at_a_time(
    app: Flask, system_actor: Actor, hub_settings: Settings
) -> None:
    size = 2_000_000
    for number in range(40):
        body = f'{{"resourceType":"Binary","contentType":"x/y","data":"{"QUJD" * (size // 4)}"}}'
        with transaction():
            records.create(system_actor, body, id=f"b{number}")

    done = subprocess.run(
        [sys.executable, "-c", _EXPORT],
        cwd=ROOT,
        env={
            "CAREHUB_HOME": str(hub_settings.home),
            "DATABASE_URL": hub_settings.database_url,
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=True,
    )

    written, grown = map(int, done.stdout.split()[-2:])
    assert written > 40 * size // 1024
    # 80 MB went through; two texts are read at once, and each is there as it came and encoded.
    assert grown < 24 * 1024
