"""Files of bulk jobs in the data folder: whole and on the disk, or not there."""

import hashlib
import os
import shutil
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from flask import current_app

LISTS = "lists"
"""Folder of the lists of an export, one a type."""
INPUT = "input.ndjson"
REFUSALS = "refusals.ndjson"
LARGEST_FILE = 256 * 1024 * 1024
_BLOCK = 1 << 20


class TooMuchError(ValueError):
    """More came than may."""


class TornError(ValueError):
    """The compressed data is not gzip, or ends too soon."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is safe."""

    count: int
    size: int
    digest: str


def root() -> Path:
    home: Path = current_app.config["CAREHUB"].home
    return home / "bulk"


def folder(job_id: str) -> Path:
    return root() / job_id


def new_folder(job_id: str) -> Path:
    made = folder(job_id)
    # Records of people: nobody but the hub's own account looks in.
    made.mkdir(parents=True, exist_ok=True, mode=0o700)
    return made


def remove(job_id: str) -> None:
    shutil.rmtree(folder(job_id), ignore_errors=True)


def orphans(known: Iterable[str], older_than: float) -> list[str]:
    """Return jobs that have a folder, no row, and were not touched for so many seconds."""
    kept = set(known)
    if not root().is_dir():
        return []
    return [
        path.name
        for path in root().iterdir()
        if path.name not in kept and time.time() - path.stat().st_mtime > older_than
    ]


def write_lines(path: Path, lines: Iterable[str]) -> Written:
    """Write a file under another name, make it safe, then give it its own."""
    digest, size, count = hashlib.sha256(), 0, 0
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        for line in lines:
            raw = line.encode() + b"\n"
            file.write(raw)
            digest.update(raw)
            size += len(raw)
            count += 1
        _make_safe(file)
    unfinished.rename(path)
    _make_folder_safe(path.parent)
    return Written(count, size, digest.hexdigest())


def of_file(path: Path, count: int) -> Written:
    """Say the same of a file that is there."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return Written(count, size, digest.hexdigest())


def write_list(
    path: Path, members: Iterable[tuple[str, int, int]], step: int
) -> list[tuple[int, int]]:
    """Write id, version and size, a line each; return (first byte, lines) of each piece.

    A piece has at most ``step`` members, and no more than ``LARGEST_FILE`` bytes if it has several.
    """
    path.parent.mkdir(exist_ok=True)
    pieces: list[tuple[int, int]] = []
    position = begins = count = held = 0
    with path.open("wb") as file:
        for record_id, version, size in members:
            if count == step or (count and held + size > LARGEST_FILE):
                pieces.append((begins, count))
                begins, count, held = position, 0, 0
            raw = f"{record_id} {version} {size}\n".encode()
            file.write(raw)
            position += len(raw)
            count += 1
            held += size
        if position:
            _make_safe(file)
    return [*pieces, (begins, count)] if count else pieces


def read_list(path: Path, begins: int, count: int) -> Iterator[tuple[str, int, int]]:
    """Yield id, version and size of the members of one piece of a list."""
    with path.open("rb") as file:
        file.seek(begins)
        for line in islice(file, count):
            record_id, version, size = line.decode().split()
            yield record_id, int(version), int(size)


def append_at(path: Path, position: int, lines: Iterable[str]) -> int:
    """Cut a file off at ``position`` and add lines; return its length, which is on the disk."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(position)
        file.seek(position)
        for line in lines:
            file.write(line.encode() + b"\n")
        _make_safe(file)
        return file.tell()


def receive(path: Path, source: BinaryIO, most: int, *, gzipped: bool) -> int:
    """Write what comes, inflated, block by block; return its size.

    Raises TooMuchError above ``most`` bytes (inflated: a small body may hold a very large one)
    and TornError.
    """
    size = 0
    with path.open("wb") as file:
        for block in _inflated(source) if gzipped else iter(lambda: source.read(_BLOCK), b""):
            size += len(block)
            if size > most:
                raise TooMuchError
            file.write(block)
        _make_safe(file)
    return size


def _inflated(source: BinaryIO) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wbits=31)
    try:
        while rest := source.read(_BLOCK):
            while rest:
                if inflater.eof:
                    # A file of several members, as `cat a.gz b.gz` makes it.
                    inflater = zlib.decompressobj(wbits=31)
                yield inflater.decompress(rest, _BLOCK)
                rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
        yield inflater.flush()
    except zlib.error as error:
        raise TornError from error
    if not inflater.eof:
        raise TornError


def lines(path: Path, begins: int, longest: int) -> Iterator[tuple[int, bytes | None]]:
    """Yield (bytes, line) from a position on; None for a line that is longer than ``longest``."""
    with path.open("rb") as file:
        file.seek(begins)
        while line := file.readline(longest):
            size = len(line)
            if not line.endswith(b"\n") and size == longest:
                while rest := file.readline(longest):
                    size += len(rest)
                    if rest.endswith(b"\n"):
                        break
                yield size, None
                continue
            yield size, line


def _make_safe(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _make_folder_safe(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
