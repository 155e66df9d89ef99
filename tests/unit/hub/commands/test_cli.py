"""The command line: every command is there, says what it does, and fails in a sentence."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask

from hub import settings
from hub.auth.public_routes import PUBLIC_ROUTES
from hub.cli import COMMANDS, cli
from tests import rf2


@pytest.fixture
def at_home(app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Point the commands at the test's engines and an empty data folder."""
    configured = app.config["CAREHUB"]
    monkeypatch.setenv("DATABASE_URL", configured.database_url)
    monkeypatch.setenv("REDIS_URL", configured.redis_url)
    monkeypatch.setenv("CAREHUB_HOME", str(tmp_path))
    monkeypatch.setattr("hub.supervisor.schema.migrated", lambda _url: True)
    return tmp_path


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    done = CliRunner().invoke(cli, [name, "--help"])

    assert done.exit_code == 0, done.output
    assert "Usage:" in done.output


def test_help_lists_every_command_without_loading_any() -> None:
    script = (
        "import sys; from hub.cli import cli\n"
        "try: cli(['--help'])\n"
        "finally: assert 'hub.app' not in sys.modules and 'celery' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=settings.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


def test_routes_need_no_database_and_say_why_some_are_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nowhere.example.org/x")

    every = CliRunner().invoke(cli, ["routes"])
    public = CliRunner().invoke(cli, ["routes", "--public"])

    assert (every.exit_code, public.exit_code) == (0, 0)
    assert "/fhir/metadata" in every.output
    assert len(every.output.splitlines()) > len(public.output.splitlines())
    for line in public.output.splitlines():
        address = line.split()[1]
        assert PUBLIC_ROUTES[address] in line


def test_a_token_is_printed_alone(at_home: Path, token: str) -> None:
    done = CliRunner().invoke(
        cli, ["token", "--client", "test-system", "--scope", "system/Patient.rs"]
    )

    assert done.exit_code == 0, done.output
    assert len(done.stdout.split()) == 1
    assert len(done.stdout.strip()) > 40


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--client", "nobody"], "no active client is registered as nobody"),
        (["--client", "test-system", "--ttl", "0"], "a token lives between"),
    ],
)
def test_a_token_that_may_not_be_is_refused_in_a_sentence(
    at_home: Path, token: str, words: list[str], sentence: str
) -> None:
    done = CliRunner().invoke(cli, ["token", *words])

    assert done.exit_code == 1
    assert sentence in done.stderr


def test_a_folder_without_a_hub_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    done = CliRunner().invoke(cli, ["integrity", "--home", str(tmp_path)])

    assert done.exit_code == 1
    assert f"There is no hub in {tmp_path}" in done.stderr


def test_integrity_of_an_empty_hub_holds(at_home: Path) -> None:
    done = CliRunner().invoke(cli, ["integrity"])

    assert done.exit_code == 0, done.output
    assert "BROKEN" not in done.output


def test_a_snomed_ct_release_is_loaded_and_named(at_home: Path) -> None:
    folder = rf2.fruit().write(at_home / "release")

    done = CliRunner().invoke(cli, ["terminology", "load-snomed", str(folder)])

    assert done.exit_code == 0, done.output
    assert (
        "http://snomed.info/sct/900000000000207008/version/20260401 is in use: 8 concepts"
        in done.output
    )


def test_a_folder_without_a_release_is_refused_in_a_sentence(at_home: Path) -> None:
    done = CliRunner().invoke(cli, ["terminology", "load-snomed", str(at_home)])

    assert done.exit_code == 1
    assert "holds no whole RF2 release: no snapshot file of Concept" in done.output
