"""A private Valkey (or Redis) in a folder: unix socket only. Nothing lives in it alone."""

import signal
from dataclasses import dataclass
from pathlib import Path

import redis

from hub.supervisor import binaries
from hub.supervisor.accounts import Account, reachable_program
from hub.supervisor.children import Child, wait_until
from hub.supervisor.failures import NotAnsweringError, StartError


@dataclass(frozen=True, slots=True)
class Store:
    """Where one server lives."""

    place: Path
    sockets: Path
    logs: Path
    account: Account
    engine: str
    durable: bool

    @property
    def socket(self) -> Path:
        """The unix socket."""
        return self.sockets / "valkey.sock"

    def url(self) -> str:
        """Give the address as redis-py wants it; kombu's is made from it."""
        return f"unix://{self.socket}?db=0"


def child_of(store: Store) -> Child:
    """Give the server; each engine and major version has a folder of its own."""
    server = binaries.valkey(store.engine)
    # Formats differ between the two names and their majors; what is in here may be lost.
    folder = store.account.folder(store.place / f"{server.name}-{server.major}")
    program = server.program
    if server.package is not None:
        program = reachable_program(program, server.package, store.account)
    options = {
        "port": "0",
        "unixsocket": str(store.socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "save": "",
        "appendonly": "yes" if store.durable else "no",
        "appendfsync": "everysec",
        # A queue that forgets is worse than one that says it is full.
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": "",
    }
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    return Child(
        name="valkey",
        command=[str(program), *arguments],
        environment={"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"},
        folder=folder,
        log=store.logs / "valkey.log",
        pid_file=store.place / "valkey.pid",
        account=store.account,
        stop_signal=signal.SIGTERM,
    )


def start(store: Store, child: Child) -> None:
    """Start the server and wait until it answers; a damaged append-only file is put aside."""
    try:
        _start(store, child)
    except NotAnsweringError:
        words = child.last_words()
        if "No space left on device" in words:
            raise StartError(
                f"The disk that holds {store.place} is full: free some space and start again."
            ) from None
        if "append only file" not in words and "AOF" not in words:
            raise
        damaged = child.folder.with_name(child.folder.name + ".damaged")
        number = 1
        while damaged.exists():
            number += 1
            damaged = child.folder.with_name(f"{child.folder.name}.damaged-{number}")
        child.folder.rename(damaged)
        store.account.folder(child.folder)
        _start(store, child)


def _start(store: Store, child: Child) -> None:
    store.socket.unlink(missing_ok=True)
    child.start()
    try:
        wait_until(child, lambda: _answers(store), seconds=30)
    except StartError:
        child.stop()
        raise


def _answers(store: Store) -> bool:
    try:
        with redis.Redis(unix_socket_path=str(store.socket)) as client:
            return bool(client.ping())
    except (redis.ConnectionError, redis.BusyLoadingError):
        return False
