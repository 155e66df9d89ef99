"""`carehub up`: one hub in the foreground, until Ctrl-C."""

import signal
import sys
import time
from pathlib import Path
from threading import Event
from types import FrameType

import click

from hub import settings
from hub.supervisor.up import Hub

_HOW_TO_SIGN_IN = "Sign in with a user name and its password from `.venv/bin/carehub demo-users`."


@click.command("up")
@click.option("--home", type=click.Path(path_type=Path), help="Data folder (CAREHUB_HOME).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port on loopback (CAREHUB_PORT).")
@click.option("--empty", is_flag=True, help="Make a new hub without the sample people and staff.")
def command(home: Path | None, port: int | None, *, empty: bool) -> None:
    """Start a hub and keep it running."""
    given = settings.environment()
    configured = settings.load(given | ({"CAREHUB_HOME": str(home)} if home else {}))
    begun = time.monotonic()
    stop = Event()
    _stop_on_signals(stop)

    def say(line: str) -> None:
        click.echo(f"[{time.monotonic() - begun:5.1f} s] {line}")
        sys.stdout.flush()

    hub = Hub(
        configured.home,
        port or configured.port,
        sample=not empty,
        database_url=configured.database_url if given.get("DATABASE_URL") else "",
        redis_url=configured.redis_url if given.get("REDIS_URL") else "",
        engine=configured.engine,
        say=say,
    )
    try:
        with hub:
            click.echo(f"READY {hub.url}")
            if hub.sample:
                click.echo(_HOW_TO_SIGN_IN)
            click.echo(f"Started in {time.monotonic() - begun:.1f} s. Ctrl-C stops the hub.")
            sys.stdout.flush()
            # From here on a signal ends the watch, and leaving the block stops the parts in order.
            _stop_on_signals(stop, raising=False)
            hub.watch(stop)
    except KeyboardInterrupt:
        click.echo("stopped before the hub was ready")
        sys.exit(130)


def _stop_on_signals(stop: Event, *, raising: bool = True) -> None:
    def handle(_number: int, _frame: FrameType | None) -> None:
        if raising and not stop.is_set():
            stop.set()
            raise KeyboardInterrupt
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handle)
