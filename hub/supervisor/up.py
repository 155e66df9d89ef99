"""A whole hub in one object: engines, schema, sample hub and processes, started, kept and stopped.

`carehub up` keeps one; `carehub day` starts a private one, kills parts of it and starts them again.
"""

import errno
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

from hub import clock, settings
from hub.supervisor import engines, home, processes, readiness, schema
from hub.supervisor.children import Child, end_leftover
from hub.supervisor.failures import StartError

PATIENCE = 90.0
"""Seconds that a start may take once the processes run; a busy machine needs a good part of it."""

_BACK_OFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before a process that died is started again, the more often it died."""

_LONG_LIFE = 60.0
"""A process that lived this many seconds begins again with the shortest wait."""


class Hub:
    """One hub in one data folder. A context manager: entering starts it, leaving stops it."""

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        simulated: bool = False,
        sample: bool = True,
        database_url: str = "",
        redis_url: str = "",
        engine: str = "",
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.home = folder.absolute()
        self.port = port
        self.simulated = simulated
        self.sample = sample
        self.url = f"http://127.0.0.1:{port}"
        self._outside = (database_url, redis_url)
        self._engine = engine
        self._say = say
        self._engines: engines.Engines | None = None
        self._children: dict[str, Child] = {}
        self._killed: set[str] = set()
        self._deaths: dict[str, int] = {}
        self._started_at: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self.environment: dict[str, str] = {}
        """What the hub's processes get; for others that are to work on the same hub."""

    def start(self) -> None:
        """Start everything and wait until the hub is ready."""
        if not home.port_is_free(self.port) and not engines.in_use(self.home):
            # The web server of a supervisor that was killed ends a moment after it.
            end_leftover(self.home / "run" / "web.pid")
        if not home.port_is_free(self.port):
            raise StartError(
                f"Port {self.port} is taken by another program: choose another one with "
                f"CAREHUB_PORT."
            )
        try:
            self._start()
        except OSError as error:
            self.stop()
            raise StartError(_sentence(error, self.home)) from None
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        for name in ("logs", "run", "spool"):
            # Logs and the audit of reads are nobody else's business.
            (self.home / name).mkdir(exist_ok=True)
            (self.home / name).chmod(0o700)
        kind = home.kind_of(self.home, simulated=self.simulated, sample=self.sample, port=self.port)
        self.sample = kind.sample
        if self.simulated and not clock.clock_file(self.home).exists():
            clock.set_simulated(self.home, clock.now())
        home.trim_logs(self.home)
        self._say("starting PostgreSQL and Valkey ...")
        self._engines = engines.start(
            self.home,
            database_url=self._outside[0],
            redis_url=self._outside[1],
            engine=self._engine,
            say=self._say,
        )
        for pid_file in (self.home / "run").glob("*.pid"):
            end_leftover(pid_file)
        told = {
            "DATABASE_URL": self._engines.database_url,
            "REDIS_URL": self._engines.redis_url,
            "CAREHUB_PORT": str(self.port),
            "CAREHUB_RECEIVER_PORT": str(kind.receiver_port),
            "CAREHUB_SIMULATED": "1" if kind.simulated else "",
            "CAREHUB_SECRET": settings.environment().get("CAREHUB_SECRET") or kind.secret,
        }
        self.environment = settings.environment(
            CAREHUB_HOME=str(self.home),
            PYTHONUNBUFFERED="1",
            # Without compiled modules each process would compile the whole application again.
            PYTHONDONTWRITEBYTECODE="",
            **told,
        )
        self._prepare()
        home.write_privately(self.home / "running.json", json.dumps(told))
        shell = processes.Shell(
            self.home, self.environment, self.port, kind.receiver_port if self.sample else None
        )
        self._say("starting web, worker, beat and relay ...")
        self._children = processes.children_of(shell)
        for name in processes.FIRST:
            if name in self._children:
                self._launch(name)
        self._wait_until_ready()
        for name in self._children:
            if name not in processes.FIRST:
                self._launch(name)

    def _prepare(self) -> None:
        assert self._engines is not None
        loaded = self.home / "sample-loaded"
        words = [] if schema.migrated(self._engines.database_url) else ["migrate"]
        if self.sample and not loaded.exists():
            words.append("sample")
        if not words:
            return
        log = self.home / "logs" / "prepare.log"
        with (
            log.open("ab") as errors,
            subprocess.Popen(  # noqa: S603 - our own words only
                [sys.executable, "-m", "hub.supervisor.prepare", *words],
                cwd=settings.ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            ) as process,
        ):
            assert process.stdout is not None
            for line in process.stdout:
                self._say(line.rstrip())
        if process.returncode:
            last = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
            raise StartError(
                f"Setting up the database failed: {' '.join(last) or 'no reason given'} "
                f"(the log is {log})."
            )
        if "sample" in words:
            loaded.touch()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE

        def alive() -> bool:
            for name in ("web", "worker"):
                child = self._children[name]
                if not child.running:
                    raise StartError(
                        f"The {name} process ended at once (code {child.exit_code}); its log is "
                        f"{child.log} and ends: {child.last_words(1)}"
                    )
            return time.monotonic() < deadline

        while not readiness.web_answers(self.port):
            if not alive():
                raise StartError(f"The hub did not answer at {self.url}/ready in time.")
            time.sleep(0.1)
        assert self._engines is not None
        if not readiness.worker_answers(
            self._engines.redis_url, seconds=max(5.0, deadline - time.monotonic()), alive=alive
        ):
            raise StartError(
                f"The Celery worker did not answer in time; its log is "
                f"{self._children['worker'].log}."
            )

    def _launch(self, name: str) -> None:
        self._children[name].start()
        self._started_at[name] = time.monotonic()

    def kill(self, name: str) -> None:
        """End one part at once (``kill -9``); it stays down until :meth:`restart`."""
        self._killed.add(name)
        self._child(name).kill()

    def restart(self, name: str) -> None:
        """Start a part again that was killed or died."""
        assert self._engines is not None
        if name in self._engines.processes:
            self._engines.restart(name)
        else:
            self._children[name].clear_group()
            self._launch(name)
        self._killed.discard(name)
        self._due.pop(name, None)

    def _child(self, name: str) -> Child:
        assert self._engines is not None
        return self._engines.processes.get(name) or self._children[name]

    def running(self) -> dict[str, bool]:
        """Say which parts are alive."""
        parts = [*(self._engines.processes if self._engines else {}), *self._children]
        return {name: self._child(name).running for name in parts}

    def mend(self) -> None:
        """Start again what died by itself, after a wait that grows with the number of deaths."""
        now = time.monotonic()
        for name, alive in self.running().items():
            if alive or name in self._killed:
                continue
            if name not in self._due:
                if now - self._started_at.get(name, 0.0) > _LONG_LIFE:
                    self._deaths[name] = 0
                wait = _BACK_OFF[min(self._deaths.get(name, 0), len(_BACK_OFF) - 1)]
                self._deaths[name] = self._deaths.get(name, 0) + 1
                self._due[name] = now + wait
                self._say(
                    f"{name} ended (code {self._child(name).exit_code}): "
                    f"starting it again in {wait:g} s; its log is {self._child(name).log}"
                )
            elif now >= self._due[name]:
                self._bring_back(name)

    def _bring_back(self, name: str) -> None:
        self._started_at[name] = time.monotonic()
        try:
            self.restart(name)
        except (StartError, OSError) as error:
            self._due.pop(name, None)
            self._say(f"{name} did not start: {error}")
        else:
            self._say(f"{name} runs again")

    def watch(self, until: Event) -> None:
        """Keep all parts running until somebody sets the event."""
        while not until.wait(0.25):
            self.mend()

    def stop(self) -> None:
        """Stop everything, in order."""
        for name in processes.STOP_ORDER:
            if (child := self._children.get(name)) and child.running:
                self._say(f"stopping {name} ...")
                child.stop()
            elif child:
                child.clear_group()
        (self.home / "running.json").unlink(missing_ok=True)
        if self._engines is not None:
            self._say("stopping Valkey and PostgreSQL ...")
            self._engines.stop()
            self._engines = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _sentence(error: OSError, folder: Path) -> str:
    if error.errno == errno.ENOSPC:
        return f"The disk that holds {folder} is full: free some space and start again."
    return f"The data folder {folder} cannot be used: {error.strerror} ({error.filename})."
