"""Where the conformance data lies: beside the checkout, or where CAREHUB_CONFORMANCE_DATA says."""

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


def data(relative: str) -> Path:
    """Return a path of the conformance data; skip the test, saying so, where it is absent."""
    folder = Path(os.environ.get("CAREHUB_CONFORMANCE_DATA") or ROOT.parent / "shared" / "data")
    path = folder / relative
    if not path.exists():
        pytest.skip(f"conformance data is not here: {relative}")
    return path


def resources(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the resources of a folder of JSON files, in the order of their names."""
    for path in sorted(folder.glob("*.json")):
        resource: dict[str, Any] = json.loads(path.read_bytes(), parse_float=Decimal)
        yield resource
