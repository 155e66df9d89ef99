"""The two engines of a hub, PostgreSQL and Valkey: somebody else's by address, or private ones."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from hub.supervisor import postgres, valkey
from hub.supervisor.accounts import engine_account, engine_place, socket_folder
from hub.supervisor.children import Child, end_leftover
from hub.supervisor.failures import StartError


@dataclass(slots=True)
class Engines:
    """Running engines. A context manager: leaving it stops the private ones, Valkey first."""

    database_url: str
    """``postgresql+psycopg://...``, for SQLAlchemy."""
    redis_url: str
    """``unix://...?db=0`` or ``redis://...``, for redis-py."""
    processes: dict[str, Child] = field(default_factory=dict)
    """The private processes by name: ``postgres`` and ``valkey``."""
    _starts: dict[str, Callable[[], None]] = field(default_factory=dict, repr=False)
    _lock: int | None = field(default=None, repr=False)
    _rubbish: list[Path] = field(default_factory=list, repr=False)
    """Folders outside the data folder that a disposable one takes with it."""

    def kill(self, name: str) -> None:
        """End one engine at once, as a crash would."""
        self.processes[name].kill()

    def restart(self, name: str) -> None:
        """Start an engine again, under the same address."""
        child = self.processes[name]
        child.clear_group()
        end_leftover(child.pid_file)
        self._starts[name]()

    def stop(self) -> None:
        """Stop the private engines; PostgreSQL last."""
        for name in ("valkey", "postgres"):
            if child := self.processes.get(name):
                child.stop()
        while self._rubbish:
            shutil.rmtree(self._rubbish.pop(), ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def start(
    home: Path,
    *,
    database_url: str = "",
    redis_url: str = "",
    engine: str = "",
    durable: bool = True,
    say: Callable[[str], None] = lambda _line: None,
) -> Engines:
    """Start private engines in ``home``, but for those whose address is given.

    ``engine`` (CAREHUB_ENGINE) allows only ``system`` or only ``wheel`` programs. ``durable=False``
    leaves out every wait for the disk: for tests.
    """
    home.mkdir(parents=True, exist_ok=True)
    engines = Engines(database_url, redis_url, _lock=_lock(home))
    try:
        if not (database_url and redis_url):
            _start_private(engines, home.resolve(), engine, durable=durable, say=say)
    except BaseException:
        engines.stop()
        raise
    return engines


def _start_private(
    engines: Engines, home: Path, engine: str, *, durable: bool, say: Callable[[str], None]
) -> None:
    account = engine_account(home)
    place = engine_place(home, account)
    logs = home / "logs"
    logs.mkdir(exist_ok=True)
    for name in ("postgres", "valkey"):
        end_leftover(place / f"{name}.pid")
    sockets = socket_folder(place, account)
    if not durable:
        outside = (folder for folder in (place, sockets) if not folder.is_relative_to(home))
        engines._rubbish.extend(outside)  # noqa: SLF001 - its maker
    if not engines.database_url:
        cluster = postgres.Cluster(place, sockets, logs, account, engine, durable)
        if not cluster.data_folder.exists():
            say("making a new database ...")
        server = postgres.child_of(cluster)
        engines.processes["postgres"] = server
        engines._starts["postgres"] = lambda: postgres.start(cluster, server)  # noqa: SLF001 - its maker
        postgres.start(cluster, server)
        engines.database_url = cluster.url()
    if not engines.redis_url:
        store = valkey.Store(place, sockets, logs, account, engine, durable)
        keeper = valkey.child_of(store)
        engines.processes["valkey"] = keeper
        engines._starts["valkey"] = lambda: valkey.start(store, keeper)  # noqa: SLF001 - its maker
        valkey.start(store, keeper)
        engines.redis_url = store.url()


def _lock(home: Path) -> int:
    """Hold the data folder for this process; the kernel lets go of it whatever happens to us."""
    lock = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = ""
        with contextlib.suppress(OSError):
            holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
        os.close(lock)
        raise StartError(
            f"The data folder {home} is in use by another Carehub (process {holder or 'unknown'})."
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode("ascii"), 0)
    return lock


def in_use(home: Path) -> bool:
    """Tell whether a running process holds the data folder."""
    if not (home / "lock").exists():
        return False
    try:
        os.close(_lock(home))
    except StartError:
        return True
    return False


start_engines = start
