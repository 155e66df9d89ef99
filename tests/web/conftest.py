"""A whole hub with its sample people, started once, and real Chromium in front of it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from hub import settings

STARTS_WITHIN = 180.0
"""Seconds: a first start on a busy machine, sample people included."""
CHROMIUM = Path("/usr/bin/chromium")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # Without these it looks for hosts that a closed network does not have.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = settings.ROOT / "node_modules" / "axe-core" / "axe.min.js"


@dataclass(frozen=True, slots=True)
class RunningHub:
    url: str
    home: Path
    passwords: dict[str, str]

    def command(self, *arguments: str) -> str:
        """Run ``carehub ...`` against this hub and return what it prints."""
        return _carehub(self.home, *arguments)


def _environment(home: Path) -> dict[str, str]:
    given = settings.environment(CAREHUB_HOME=str(home))
    # A hub of its own, also where the tests of records use engines that the machine lends.
    return {name: each for name, each in given.items() if name not in {"DATABASE_URL", "REDIS_URL"}}


def _carehub(home: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hub", *arguments],
        cwd=settings.ROOT,
        env=_environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _passwords(home: Path) -> dict[str, str]:
    users = json.loads(_carehub(home, "demo-users"))
    return {user["user_name"]: user["password"] for user in users}


def _await_ready(process: subprocess.Popen[bytes], said: Path) -> str:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        if ready := re.search(r"^READY (\S+)$", said.read_text("utf-8"), re.MULTILINE):
            return ready[1]
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"the hub did not start:\n{said.read_text('utf-8')}")


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """``carehub up`` on a new data folder: PostgreSQL, Valkey, web, worker, relay, sample hub.

    Quick work on one page: CAREHUB_TOUR_HOME names the data folder of a hub that is running.
    """
    if running := os.environ.get("CAREHUB_TOUR_HOME"):
        port = json.loads((Path(running) / "running.json").read_text("utf-8"))["CAREHUB_PORT"]
        yield RunningHub(f"http://127.0.0.1:{port}", Path(running), _passwords(Path(running)))
        return
    folder = tmp_path_factory.mktemp("tour")
    home, said = folder / "home", folder / "up.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hub", "up", "--port", str(_free_port())],
            cwd=settings.ROOT,
            env=_environment(home),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        url = _await_ready(process, said)
        yield RunningHub(url, home, _passwords(home))
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.is_file():
        pytest.fail("the browser tests need Debian's chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=_ARGUMENTS, headless=True
        )
        yield browser
        browser.close()


class Visitor:
    """Somebody in front of a browser of their own."""

    def __init__(self, hub: RunningHub, context: BrowserContext) -> None:
        self.hub = hub
        self.context = context
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: object) -> None:
        kind, text = getattr(message, "type", ""), getattr(message, "text", "")
        # The browser itself reports every answer from 400 on; refusals are part of some tours.
        if kind == "error" and "Failed to load resource" not in text:
            self.complaints.append(text)

    def signs_in_as(self, username: str) -> "Visitor":
        self.opens("/sign-in")
        self.page.get_by_label("User name").fill(username)
        self.page.get_by_label("Password", exact=True).fill(self.hub.passwords[username])
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(f"{self.hub.url}/")
        return self

    def opens(self, address: str) -> "Visitor":
        self.page.goto(f"{self.hub.url}{address}")
        return self

    def presses(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def follows(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).first.click()


@pytest.fixture
def visitor(hub: RunningHub, chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """Open browsers of their own for one or several people; none may complain."""
    opened: list[Visitor] = []

    def come(*, width: int = 1280, height: int = 900, javascript: bool = True) -> Visitor:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            java_script_enabled=javascript,
            locale="en-GB",
        )
        context.set_default_timeout(20_000)
        opened.append(Visitor(hub, context))
        return opened[-1]

    yield come
    complaints = [each for one in opened for each in one.complaints]
    for one in opened:
        one.context.close()
    assert complaints == []
