"""A hub of the simulator's own: its folder, its port, its simulated clock, thrown away after."""

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask

from hub import clock, settings
from hub.app import create_app
from hub.supervisor.up import Hub


@contextmanager
def running(
    home: Path | None, starts: datetime, say: Callable[[str], None]
) -> Iterator[tuple[Hub, Flask]]:
    """Start a hub whose time stands at ``starts``; without ``home`` its folder is thrown away."""
    with _folder(home) as folder:
        clock.set_simulated(folder, starts.astimezone(UTC))
        hub = Hub(folder, free_port(), simulated=True, say=say)
        with hub:
            app = create_app(settings.load(hub.environment))
            with app.app_context():
                yield hub, app


@contextmanager
def _folder(home: Path | None) -> Iterator[Path]:
    if home is not None:
        home.mkdir(parents=True, exist_ok=True)
        yield home
        return
    with tempfile.TemporaryDirectory(prefix="carehub-simulated-") as folder:
        yield Path(folder)


def free_port() -> int:
    """Return a port on loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
