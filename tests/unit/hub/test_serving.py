"""A worker of the web server does not look through the whole application for each transaction."""

import subprocess
import sys
from pathlib import Path

from hub import settings

_SAYS = """
import gc
from hub.serving import application
before = gc.get_freeze_count()
app = application()
print(before, gc.get_freeze_count() > 100_000, gc.get_threshold()[0], app.name)
"""


def test_what_is_built_once_is_passed_over(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", _SAYS],
        cwd=settings.ROOT,
        env=settings.environment(CAREHUB_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert said.split() == ["0", "True", "50000", "hub"]
