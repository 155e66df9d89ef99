"""The hub's own processes: web, Celery worker and beat, relay and, in a sample hub, a receiver."""

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hub.settings import ROOT
from hub.supervisor.children import Child

WEB_WORKERS = 2
WEB_THREADS = 4
"""Two processes of four threads keep two cores busy while some of them wait for the database."""

FIRST = ("receiver", "web", "worker", "relay")
"""What a hub needs to take work in and do it. The others start when these are ready: six processes
that load the application at once would make each other slow."""

STOP_ORDER = ("web", "beat", "relay", "worker", "receiver")
"""First nobody asks for anything new, then nothing more is sent to the worker, then it finishes."""


@dataclass(frozen=True, slots=True)
class Shell:
    """What all processes of one hub share."""

    home: Path
    environment: Mapping[str, str]
    port: int
    receiver_port: int | None

    def child(
        self, name: str, *words: str, orphan_signal: signal.Signals = signal.SIGKILL
    ) -> Child:
        """Give one Python child. An orphan has no broker to finish for: it ends at once."""
        return Child(
            name=name,
            command=[sys.executable, *words],
            environment=self.environment,
            folder=ROOT,
            log=self.home / "logs" / f"{name}.log",
            pid_file=self.home / "run" / f"{name}.pid",
            orphan_signal=orphan_signal,
        )


def children_of(shell: Shell) -> dict[str, Child]:
    """Give the processes by name, in the order in which they start."""
    celery = ("-m", "celery", "-A", "workflows.app")
    children = [
        shell.child(
            "web",
            *("-m", "granian", "--interface", "wsgi", "--factory", "hub.serving:application"),
            *("--host", "127.0.0.1", "--port", str(shell.port), "--no-ws"),
            *("--workers", str(WEB_WORKERS), "--blocking-threads", str(WEB_THREADS)),
            # A worker that a crash ended is replaced; the others go on serving meanwhile.
            *("--respawn-failed-workers", "--workers-kill-timeout", "5s"),
            # Its main process must take its workers with it.
            orphan_signal=signal.SIGTERM,
        ),
        shell.child("worker", *celery, "worker", "--loglevel=INFO"),
        shell.child("relay", "-m", "workflows.relay"),
        shell.child(
            "beat",
            *(*celery, "beat", "--loglevel=INFO"),
            *("--schedule", str(shell.home / "run" / "beat"), "--pidfile="),
        ),
    ]
    if shell.receiver_port is not None:
        children.append(
            shell.child(
                "receiver", "-m", "hub.samples.receiver", "--port", str(shell.receiver_port)
            )
        )
    return {child.name: child for child in children}
