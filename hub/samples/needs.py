"""What referrers ask for at the front door of the sample hub, read from ``needs.yaml``."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

NEEDS = Path(__file__).parent / "needs.yaml"


@cache
def needs() -> Mapping[str, Any]:
    """Return ``needs`` (a list, with weights) and ``elsewhere`` (what is not passed on)."""
    said: Mapping[str, Any] = yaml.safe_load(NEEDS.read_text("utf-8"))
    return said
