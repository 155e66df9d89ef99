"""`carehub up` as an operator meets it: READY, Ctrl-C, kill -9, a dead part, a taken port."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub import settings

pytestmark = [pytest.mark.fault, pytest.mark.slow]

PATIENCE = 120.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Up:
    """A running `carehub up` and what it said."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hub", "up", "--empty"],
            cwd=settings.ROOT,
            env=settings.environment(
                CAREHUB_HOME=str(home), CAREHUB_PORT=str(port), DATABASE_URL="", REDIS_URL=""
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_for(self, words: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if words in line:
                return
        raise AssertionError("".join(self.said))

    def rest(self) -> str:
        """Give everything it still says until it ends."""
        assert self.process.stdout is not None
        self.said += self.process.stdout.readlines()
        self.process.wait(PATIENCE)
        return "".join(self.said)


@contextmanager
def _up(home: Path, port: int) -> Iterator[Up]:
    up = Up(home, port)
    try:
        yield up
    finally:
        if up.process.poll() is None:
            up.process.send_signal(signal.SIGINT)
        up.rest()
        assert up.process.stdout is not None
        up.process.stdout.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up")


def _pids(home: Path) -> dict[str, int]:
    folders = (home / "run", (home / "engines").resolve())
    return {
        path.stem: int(path.read_text("ascii").split()[0])
        for folder in folders
        for path in folder.glob("*.pid")
    }


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _wait_until(pids: list[int], seconds: float = 20) -> list[int]:
    deadline = time.monotonic() + seconds
    while (alive := [pid for pid in pids if _alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    return alive


def _status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_hub_says_ready_mends_a_dead_part_and_stops_on_ctrl_c(home: Path) -> None:
    port = _free_port()
    with _up(home, port) as up:
        up.wait_for(f"READY http://127.0.0.1:{port}")
        up.wait_for("Ctrl-C")
        assert [_status(port, path) for path in ("/live", "/ready", "/metrics")] == [200, 200, 200]
        told = json.loads((home / "running.json").read_text("utf-8"))
        assert told["CAREHUB_PORT"] == str(port)

        os.killpg(_pids(home)["worker"], signal.SIGKILL)
        up.wait_for("worker ended (code -9)")
        up.wait_for("worker runs again")
        pids = _pids(home)

        up.process.send_signal(signal.SIGINT)
        said = up.rest()

        assert up.process.returncode == 0, said
        assert "Traceback" not in said
        order = [said.index(f"stopping {name}") for name in ("web", "relay", "worker", "Valkey")]
        assert order == sorted(order)
        assert _wait_until(list(pids.values())) == []
        assert not (home / "running.json").exists()


def test_kill_9_of_the_supervisor_blocks_nothing(home: Path) -> None:
    port = _free_port()
    with _up(home, port) as up:
        up.wait_for("READY")
        pids = _pids(home)
        up.process.kill()
        up.rest()

    with _up(home, port) as again:
        again.wait_for("READY")
        assert _wait_until(list(pids.values())) == []
        assert _status(port, "/ready") == 200


def test_a_taken_port_gets_one_sentence(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with _up(home, port) as up:
            said = up.rest()

    assert up.process.returncode == 1
    assert said == (
        f"Error: Port {port} is taken by another program: choose another one with CAREHUB_PORT.\n"
    )


def test_an_ordinary_hub_refuses_to_become_a_simulated_one(home: Path) -> None:
    (home / "hub.json").exists() or pytest.skip("needs the hub of the tests before")
    told = json.loads((home / "hub.json").read_text("utf-8"))
    (home / "hub.json").write_text(json.dumps(told | {"simulated": True}), "utf-8")
    try:
        with _up(home, _free_port()) as up:
            said = up.rest()
    finally:
        (home / "hub.json").write_text(json.dumps(told), "utf-8")

    assert up.process.returncode == 1
    assert "holds a simulated hub and cannot become an ordinary one" in said
