"""Files of bulk jobs: lists in pieces, lines of any length, what a crash has left."""

import gzip
import io
import os
import time
from pathlib import Path

import pytest
from flask import Flask

from hub.adapters import bulk_files
from hub.adapters.bulk_files import TooMuchError, TornError


def test_a_list_is_read_again_piece_by_piece(tmp_path: Path) -> None:
    members = [(f"id-{n}", n, 100) for n in range(1, 6)]
    path = tmp_path / "lists" / "Patient"

    pieces = bulk_files.write_list(path, members, 2)

    assert [count for _, count in pieces] == [2, 2, 1]
    read = [list(bulk_files.read_list(path, begins, count)) for begins, count in pieces]
    assert read == [members[:2], members[2:4], members[4:]]
    assert bulk_files.write_list(tmp_path / "lists" / "Task", [], 2) == []


def test_a_piece_of_a_list_is_no_longer_than_a_file_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_files, "LARGEST_FILE", 100)
    members = [("a", 1, 60), ("b", 1, 40), ("c", 1, 1), ("too-long", 1, 500), ("d", 1, 1)]

    pieces = bulk_files.write_list(tmp_path / "lists" / "Binary", members, 20)

    assert [count for _, count in pieces] == [2, 1, 1, 1]


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    def broken() -> list[str]:
        raise RuntimeError("in the middle")

    path = tmp_path / "Patient.0001.ndjson"
    with pytest.raises(RuntimeError):
        bulk_files.write_lines(path, (line for each in ("a", "b") for line in (each, *broken())))
    assert not path.exists()

    written = bulk_files.write_lines(path, ["a", "b"])
    assert path.read_bytes() == b"a\nb\n"
    assert written == bulk_files.of_file(path, 2)


def test_what_lies_beyond_the_settled_lines_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "refusals.ndjson"
    settled = bulk_files.append_at(path, 0, ["first"])
    bulk_files.append_at(path, settled, ["of a batch", "that was not committed"])

    bulk_files.append_at(path, settled, ["second"])

    assert path.read_text() == "first\nsecond\n"


def test_a_line_that_is_too_long_is_skipped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "input.ndjson"
    path.write_bytes(b"one\n" + b"x" * 50 + b"\nexactly10\n\nlast")

    found = list(bulk_files.lines(path, 0, 10))

    assert found == [(4, b"one\n"), (51, None), (10, b"exactly10\n"), (1, b"\n"), (4, b"last")]
    assert sum(size for size, _ in found) == path.stat().st_size
    assert next(bulk_files.lines(path, 55, 10)) == (10, b"exactly10\n")


def test_several_gzip_members_are_one_file(tmp_path: Path) -> None:
    body = gzip.compress(b"one\n") + gzip.compress(b"two\n" * 1_000_000)

    size = bulk_files.receive(tmp_path / "x", io.BytesIO(body), 10_000_000, gzipped=True)

    assert size == 4_000_004
    assert (tmp_path / "x").read_bytes().startswith(b"one\ntwo\n")


@pytest.mark.parametrize("cut", [1, 8, 20])
def test_gzip_that_ends_too_soon_is_refused(tmp_path: Path, cut: int) -> None:
    body = gzip.compress(os.urandom(1000))
    with pytest.raises(TornError):
        bulk_files.receive(tmp_path / "x", io.BytesIO(body[:-cut]), 10_000, gzipped=True)


def test_no_more_than_allowed_is_written(tmp_path: Path) -> None:
    body = gzip.compress(b" " * 100_000_000)
    with pytest.raises(TooMuchError):
        bulk_files.receive(tmp_path / "x", io.BytesIO(body), 1_000_000, gzipped=True)
    assert (tmp_path / "x").stat().st_size <= 1_000_000


def test_only_old_folders_without_a_row_are_left_over(app: Flask) -> None:
    names = {name: bulk_files.new_folder(name) for name in ("known", "old", "young")}
    before = time.time() - 10_000
    for name in ("known", "old"):
        os.utime(names[name], (before, before))
    try:
        assert bulk_files.orphans(["known"], 3_600) == ["old"]
    finally:
        for name in names:
            bulk_files.remove(name)
