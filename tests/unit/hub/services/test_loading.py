"""Loading from files: ids kept, repeats harmless, cut-short loads resumed, refusals told."""

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask

from hub import collector, records
from hub.adapters import fhir_files
from hub.cli import cli
from hub.domain.actor import hub_actor
from hub.services import loading
from hub.services.loading import LoadReport, load_file
from hub.transaction import transaction
from tests.shared_data import data

HUB = hub_actor("load")


def _bundle(*entries: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"fullUrl": url, "resource": resource} for url, resource in entries],
    }


def _write(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value), "utf-8")
    return path


def _load(*paths: Path, again: bool = False) -> LoadReport:
    report = LoadReport()
    for path in fhir_files.find(paths):
        load_file(HUB, path, report, again=again)
    return report


PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female"}
CONDITION = {
    "resourceType": "Condition",
    "subject": {"reference": "urn:uuid:6b1c1f5e-5d0b-4a3e-9a53-0f3c7d6c1a11"},
    "recorder": {"reference": "Practitioner?identifier=https://example.org/id|77"},
}


def test_a_bundle_is_split_and_its_references_become_literal(app: Flask, tmp_path: Path) -> None:
    path = _write(
        tmp_path / "one.json",
        _bundle(
            ("urn:uuid:0d7d1c8e-0a3f-4d64-8a32-111111111111", CONDITION),
            ("urn:uuid:6b1c1f5e-5d0b-4a3e-9a53-0f3c7d6c1a11", PATIENT),
            ("urn:uuid:0d7d1c8e-0a3f-4d64-8a32-222222222222", {"resourceType": "Claim"}),
        ),
    )

    report = _load(path)

    assert (report.created, report.skipped) == ({"Patient": 1, "Condition": 1}, {"Claim": 1})
    assert report.refused == []
    condition = records.read(HUB, "Condition", "0d7d1c8e-0a3f-4d64-8a32-111111111111").resource
    assert condition["subject"]["reference"] == "Patient/p1"
    assert condition["recorder"] == {
        "type": "Practitioner",
        "identifier": {"system": "https://example.org/id", "value": "77"},
    }


def test_a_second_load_changes_nothing(app: Flask, tmp_path: Path) -> None:
    path = _write(tmp_path / "one.json", PATIENT)
    _load(path)

    assert _load(path).files_done_before == 1
    again = _load(path, again=True)

    assert again.unchanged == {"Patient": 1}
    assert records.read(HUB, "Patient", "p1").version == 1


def test_a_resource_that_differs_becomes_the_next_version(app: Flask, tmp_path: Path) -> None:
    _load(_write(tmp_path / "one.json", PATIENT))

    report = _load(_write(tmp_path / "two.json", PATIENT | {"gender": "male"}))

    assert report.updated == {"Patient": 1}
    record = records.read(HUB, "Patient", "p1")
    assert (record.version, record.resource["gender"]) == (2, "male")


def test_the_same_record_twice_in_a_file_is_a_change_of_it(app: Flask, tmp_path: Path) -> None:
    path = tmp_path / "two.ndjson"
    lines = [PATIENT, PATIENT | {"gender": "male"}]
    path.write_text("\n".join(json.dumps(line) for line in lines), "utf-8")

    report = _load(path)

    assert (report.created, report.updated) == ({"Patient": 1}, {"Patient": 1})
    assert records.read(HUB, "Patient", "p1").version == 2


def test_what_a_client_wrote_in_a_line_is_kept_to_the_digit(app: Flask, tmp_path: Path) -> None:
    path = tmp_path / "one.ndjson"
    path.write_text(
        '{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"weight"},'
        '"valueQuantity":{"value":70.10}}\n',
        "utf-8",
    )

    _load(path)

    assert '"value":70.10' in records.read(HUB, "Observation", "o1").text


def test_what_is_refused_is_named_with_its_reason_and_stops_nothing(
    app: Flask, tmp_path: Path
) -> None:
    path = tmp_path / "some.ndjson"
    path.write_text(
        "\n".join(
            [
                "{",
                "[]",
                json.dumps({"id": "x"}),
                json.dumps(PATIENT | {"gender": "unheard-of"}),
                "",
                json.dumps(PATIENT | {"id": "p2"}),
            ]
        ),
        "utf-8",
    )

    report = _load(path)

    assert report.created == {"Patient": 1}
    assert [(one.entry, one.subject) for one in report.refused] == [
        (1, ""),
        (2, ""),
        (3, ""),
        (4, "Patient/p1"),
    ]
    assert all(one.reason and one.file == "some.ndjson" for one in report.refused)


def test_a_managed_record_and_a_deleted_one_are_left_alone(app: Flask, tmp_path: Path) -> None:
    organisation = {"resourceType": "Organization", "id": "ours", "name": "Ours"}
    with transaction():
        records.create(HUB, organisation, id="ours", managed=True)
        records.create(HUB, organisation | {"id": "gone"}, id="gone")
        records.delete(HUB, "Organization", "gone")

    report = _load(
        _write(
            tmp_path / "one.json",
            _bundle(
                ("urn:uuid:1", organisation | {"name": "Theirs"}),
                ("urn:uuid:2", organisation | {"id": "gone"}),
            ),
        )
    )

    assert [(one.subject, one.reason) for one in report.refused] == [
        ("Organization/ours", "the hub keeps a managed record under this id"),
        (
            "Organization/gone",
            "a deleted record has this id: deleted records are not loaded again",
        ),
    ]
    assert records.read(HUB, "Organization", "ours").resource["name"] == "Ours"


def test_a_load_that_was_cut_short_goes_on_where_it_stopped(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "BATCH", 3)
    path = tmp_path / "ten.ndjson"
    path.write_text(
        "\n".join(json.dumps(PATIENT | {"id": f"p{number}"}) for number in range(10)), "utf-8"
    )

    def stop(_size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_file(HUB, path, LoadReport(), progress=stop)

    report = _load(path)

    assert report.created == {"Patient": 7}
    assert _load(path).files_done_before == 1


def test_resources_without_an_id_get_the_same_one_every_time(app: Flask, tmp_path: Path) -> None:
    nameless = {"resourceType": "Patient", "gender": "male"}
    path = _write(tmp_path / "one.json", nameless)
    _load(path)

    assert _load(path, again=True).unchanged == {"Patient": 1}


@pytest.mark.parametrize("given", ["not/an id", "x" * 65, ""])
def test_an_id_that_is_none_is_replaced(app: Flask, tmp_path: Path, given: str) -> None:
    path = _write(tmp_path / "one.json", PATIENT | {"id": given})
    (entry,) = fhir_files.entries(path)

    assert entry.id not in {given, ""}


def test_every_synthetic_person_loads(app: Flask) -> None:
    report = LoadReport()
    files = fhir_files.find([data("synthea")])[::9]
    for path in files:
        load_file(HUB, path, report)

    assert report.refused == []
    assert report.created["Patient"] == len(files)
    assert set(report.skipped) <= {
        *("Claim", "ExplanationOfBenefit", "ImagingStudy", "MedicationAdministration"),
        "SupplyDelivery",
    }


def test_the_uk_core_examples_load(app: Flask) -> None:
    report = LoadReport()
    for path in fhir_files.find([data("ukcore-examples")]):
        load_file(HUB, path, report)

    # The one that is refused holds onsetDateTime and onsetPeriod: R4 allows one onset[x].
    assert [one.subject for one in report.refused] == [
        "Condition/Extension-UKCore-ConditionEpisode-Example"
    ]
    assert report.created.total() > 90


@pytest.fixture
def command(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    """Run commands at the tests' database; the process goes on, so its collector is set back."""
    threshold = gc.get_threshold()
    configured = app.config["CAREHUB"]
    monkeypatch.setenv("DATABASE_URL", configured.database_url)
    monkeypatch.setenv("REDIS_URL", configured.redis_url)
    monkeypatch.setenv("CAREHUB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("hub.supervisor.schema.migrated", lambda _url: True)
    yield CliRunner()
    gc.set_threshold(*threshold)
    gc.unfreeze()


def test_files_can_be_loaded_in_processes_beside_one_another(
    command: CliRunner, tmp_path: Path
) -> None:
    for number in range(4):
        _write(tmp_path / f"{number}.json", PATIENT | {"id": f"p{number}"})
    _write(tmp_path / "4.json", {"resourceType": "Patient", "id": "bad", "gender": "parking"})
    asked = ["load", str(tmp_path), "--processes", "2", "--json"]

    first, second = (json.loads(command.invoke(cli, asked).stdout) for _ in range(2))

    assert (first["files"], first["created"]) == (5, {"Patient": 4})
    assert [each["subject"] for each in first["refused"]] == ["Patient/bad"]
    assert (second["files_done_before"], second["created"]) == (5, {})
    assert set(records.read_many(HUB, [f"Patient/p{n}" for n in range(5)])) == {
        f"Patient/p{n}" for n in range(4)
    }


def test_the_command_reports_what_became_of_everything(command: CliRunner, tmp_path: Path) -> None:
    _write(tmp_path / "one.json", _bundle(("urn:uuid:1", PATIENT), ("urn:uuid:2", {})))

    done = command.invoke(cli, ["load", str(tmp_path), "--strict"])

    assert gc.get_threshold()[0] == collector.EVERY
    assert done.exit_code == 1
    assert "1 created: Patient 1" in done.stdout
    assert "one.json, entry 2, : resourceType is missing" in done.stdout
