"""How much of a machine's memory the embedded PostgreSQL shares."""

import os
from pathlib import Path

import pytest

from hub.supervisor import postgres

GIB = 2**30


@pytest.mark.parametrize(
    ("machine", "container", "shared"),
    [
        (GIB // 2, None, "128MB"),
        (4 * GIB, None, "512MB"),
        (64 * GIB, None, "1024MB"),
        (64 * GIB, "max\n", "1024MB"),
        (64 * GIB, f"{2 * GIB}\n", "256MB"),
        (2 * GIB, f"{64 * GIB}\n", "256MB"),
    ],
)
def test_an_eighth_of_what_there_is_within_bounds(
    machine: int,
    container: str | None,
    shared: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit = tmp_path / "memory.max"
    if container is not None:
        limit.write_text(container)
    sizes = {"SC_PHYS_PAGES": machine // 4096, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)
    monkeypatch.setattr(postgres, "_CONTAINER", limit)

    assert postgres._memory() == shared
