"""What a data folder remembers, and what it refuses to become."""

import stat
from pathlib import Path

import pytest

from hub import settings
from hub.supervisor import home, readiness, schema
from hub.supervisor.failures import StartError


def test_a_folder_remembers_what_was_decided_at_the_first_start(tmp_path: Path) -> None:
    first = home.kind_of(tmp_path, simulated=False, sample=False, port=8000)
    second = home.kind_of(tmp_path, simulated=False, sample=True, port=9000)

    assert second == first
    assert stat.S_IMODE((tmp_path / "hub.json").stat().st_mode) == 0o600
    assert not home.is_simulated(tmp_path)


@pytest.mark.parametrize("simulated", [True, False])
def test_a_simulated_hub_stays_one_and_no_other_becomes_one(
    tmp_path: Path, *, simulated: bool
) -> None:
    home.kind_of(tmp_path, simulated=simulated, sample=True, port=8000)

    with pytest.raises(StartError, match="cannot become"):
        home.kind_of(tmp_path, simulated=not simulated, sample=True, port=8000)


def test_a_folder_whose_memory_is_damaged_gets_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "hub.json").write_text("{", "utf-8")

    with pytest.raises(StartError, match=r"hub\.json cannot be read"):
        home.kind_of(tmp_path, simulated=False, sample=True, port=8000)


def test_a_big_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "BIGGEST_LOG", 10)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "web.log").write_text("x" * 11, "ascii")
    (tmp_path / "logs" / "beat.log").write_text("x" * 10, "ascii")

    home.trim_logs(tmp_path)

    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["beat.log", "web.log.1"]


def test_other_commands_find_the_running_hub_and_the_environment_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write_privately(tmp_path / "running.json", '{"DATABASE_URL": "a", "REDIS_URL": "b"}')
    monkeypatch.setenv("CAREHUB_HOME", str(tmp_path))
    monkeypatch.setenv("REDIS_URL", "mine")
    monkeypatch.delenv("DATABASE_URL", raising=False)

    found = settings.load()

    assert (found.database_url, found.redis_url) == ("a", "mine")


@pytest.mark.parametrize(
    ("given", "kombu"),
    [
        ("unix:///run/x.sock?db=0", "redis+socket:///run/x.sock?virtual_host=0"),
        ("unix:///run/x.sock?db=3", "redis+socket:///run/x.sock?virtual_host=3"),
        ("redis://host:1/2", "redis://host:1/2"),
    ],
)
def test_kombu_gets_its_own_spelling_of_an_address(given: str, kombu: str) -> None:
    assert readiness.celery_address(given) == kombu


def test_a_database_that_does_not_answer_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="The database does not answer"):
        schema.migrated(f"postgresql+psycopg:///x?host={tmp_path}")


def test_the_newest_migration_is_known_without_the_application() -> None:
    assert schema.newest_migration() >= "0001"
