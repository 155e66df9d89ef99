"""Where the conformance data lies: beside the checkout, or where CAREHUB_CONFORMANCE_DATA says."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def data(relative: str) -> Path:
    """Return a path of the conformance data; skip the test, saying so, where it is absent."""
    folder = Path(os.environ.get("CAREHUB_CONFORMANCE_DATA") or ROOT.parent / "shared" / "data")
    path = folder / relative
    if not path.exists():
        pytest.skip(f"conformance data is not here: {relative}")
    return path
