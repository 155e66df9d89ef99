"""A private PostgreSQL in a folder: unix socket only, passwords checked, no extension."""

import os
import re
import secrets
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from hub.supervisor import binaries
from hub.supervisor.accounts import Account, reachable_program
from hub.supervisor.children import Child, wait_until
from hub.supervisor.failures import NotAnsweringError, StartError

DATABASE = "carehub"

_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}

_ALWAYS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    # After each checkpoint every page is logged whole when it first changes, which is most of the
    # log of a small write. How much is replayed after a crash is bounded by max_wal_size (1 GB).
    "checkpoint_timeout": "15min",
    # A laptop has other work; one maintenance worker less is not felt.
    "max_worker_processes": "8",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "jit": "off",
    "random_page_cost": "1.1",
}

_DISPOSABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
}
"""For tests, whose folder nobody keeps and whose data are few."""


_CONTAINER = Path("/sys/fs/cgroup/memory.max")


def _memory() -> str:
    """Return how much PostgreSQL shares: an eighth of the machine's memory, within bounds.

    The working set of a district fits into what most machines have so; where it does not, servers
    write out pages of others before they can read their own. It is taken when it is first used.
    """
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # A container has less than its machine; "max" where it has all of it.
    with suppress(OSError, ValueError):
        memory = min(memory, int(_CONTAINER.read_text("ascii")))
    return f"{min(1024, max(128, memory // 2**23))}MB"


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where one cluster lives."""

    place: Path
    sockets: Path
    logs: Path
    account: Account
    engine: str
    durable: bool

    @property
    def data_folder(self) -> Path:
        """PGDATA."""
        return self.place / "postgres"

    @property
    def password_file(self) -> Path:
        """The password of the database's owner, made at the first start."""
        return self.place / "postgres-password"

    def url(self) -> str:
        """Give the address as SQLAlchemy wants it."""
        password = self.password_file.read_text("ascii").strip()
        folder = quote(str(self.sockets), safe="")
        return f"postgresql+psycopg://{DATABASE}:{password}@/{DATABASE}?host={folder}"


def child_of(cluster: Cluster) -> Child:
    """Give the PostgreSQL of a cluster, which is made first where there is none."""
    installation = _installation(cluster)
    programs = _programs(installation, cluster.account)
    if not cluster.data_folder.exists():
        _initialise(cluster, installation, programs)
    _check(cluster)
    options = _ALWAYS | ({"shared_buffers": _memory()} if cluster.durable else _DISPOSABLE)
    arguments = [f"-c{name}={value}" for name, value in options.items()]
    return Child(
        name="postgres",
        command=[
            str(programs / "postgres"),
            "-D",
            str(cluster.data_folder),
            "-k",
            str(cluster.sockets),
            *arguments,
        ],
        environment=_ENVIRONMENT,
        folder=cluster.place,
        log=cluster.logs / "postgres.log",
        pid_file=cluster.place / "postgres.pid",
        account=cluster.account,
        # SIGINT is the fast shutdown: sessions are ended, nothing needs recovery afterwards.
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGINT,
        patience=30,
    )


def start(cluster: Cluster, child: Child) -> None:
    """Start the server and wait until it accepts connections to the hub's database."""
    child.log.touch()
    begin = child.log.stat().st_size
    child.start()
    try:
        wait_until(child, lambda: _accepts(cluster), seconds=60)
    except NotAnsweringError as error:
        child.stop()
        log = child.log.read_bytes()[begin:].decode("utf-8", "replace")
        raise StartError(_sentence(log, cluster, str(error))) from None
    except StartError:
        child.stop()
        raise


def _installation(cluster: Cluster) -> binaries.Postgres:
    version_file = cluster.data_folder / "PG_VERSION"
    found = binaries.postgres(cluster.engine)
    if not cluster.data_folder.exists():
        return found[0]
    try:
        major = int(version_file.read_text("ascii"))
    except (OSError, ValueError):
        raise StartError(_damaged(cluster, "it has no readable PG_VERSION")) from None
    for installation in found:
        if installation.major == major:
            return installation
    have = ", ".join(str(installation.major) for installation in found)
    raise StartError(
        f"The data folder {cluster.place} was made by PostgreSQL {major} and this machine offers "
        f"only {have}: install PostgreSQL {major}, or load a dump into a new data folder."
    )


def _programs(installation: binaries.Postgres, account: Account) -> Path:
    if installation.package is None:
        return installation.folder
    return reachable_program(installation.folder, installation.package, account)


def _initialise(cluster: Cluster, installation: binaries.Postgres, programs: Path) -> None:
    # Made beside its place and renamed, so that a start cut short leaves nothing half made.
    unfinished = cluster.place / "postgres.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    cluster.account.folder(unfinished)
    password = secrets.token_urlsafe(24)
    password_file = cluster.password_file
    password_file.unlink(missing_ok=True)
    password_file.touch(mode=0o600)
    password_file.write_text(password + "\n", "ascii")
    cluster.account.own(password_file)
    newest_locales = 17
    locale = (
        ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        if installation.major >= newest_locales
        else ["--locale=C"]
    )
    switch = cluster.account.switch
    done = subprocess.run(  # noqa: S603 - our own words only
        [
            programs / "initdb",
            f"--pgdata={unfinished}",
            f"--username={DATABASE}",
            "--auth=scram-sha-256",
            f"--pwfile={password_file}",
            "--data-checksums",
            "--encoding=UTF8",
            *([] if cluster.durable else ["--no-sync"]),
            *locale,
        ],
        cwd=cluster.place,
        env=_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        user=cluster.account.uid if switch else None,
        group=cluster.account.gid if switch else None,
        extra_groups=[] if switch else None,
    )
    if done.returncode:
        shutil.rmtree(unfinished, ignore_errors=True)
        words = done.stderr.strip().splitlines() or ["initdb said nothing"]
        raise StartError(_sentence(done.stderr, cluster, words[-1]))
    unfinished.rename(cluster.data_folder)


def _check(cluster: Cluster) -> None:
    if not (cluster.data_folder / "global" / "pg_control").is_file():
        raise StartError(_damaged(cluster, "it has no pg_control"))
    if not cluster.password_file.is_file():
        raise StartError(_damaged(cluster, f"{cluster.password_file.name} is gone"))


def _accepts(cluster: Cluster) -> bool:
    server = {
        "host": str(cluster.sockets),
        "user": DATABASE,
        "password": cluster.password_file.read_text("ascii").strip(),
        "connect_timeout": 5,
    }
    try:
        with psycopg.connect(dbname="postgres", autocommit=True, **server) as connection:  # type: ignore[arg-type] # connection parameters
            found = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
            ).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise StartError(
                _damaged(cluster, f"{cluster.password_file.name} is not its password")
            ) from None
        return False
    return True


def _damaged(cluster: Cluster, why: str) -> str:
    return (
        f"The data folder {cluster.data_folder} is damaged ({why}): restore it from a backup, or "
        f"remove it to begin with an empty hub."
    )


def _sentence(log: str, cluster: Cluster, otherwise: str) -> str:
    if "No space left on device" in log:
        return f"The disk that holds {cluster.place} is full: free some space and start again."
    if "lock file" in log and "already exists" in log:
        return f"Another PostgreSQL still uses {cluster.data_folder}: stop it and start again."
    if fatal := re.findall(r"(?:FATAL|PANIC): +(.+)", log):
        return f"{_damaged(cluster, fatal[-1])} The log is {cluster.logs / 'postgres.log'}."
    return f"PostgreSQL did not start: {otherwise.rstrip('.')}."
