import io
from contextlib import redirect_stderr

import structlog
from flask import Flask

from hub import log


def _fail() -> None:
    family_name = "Okafor-in-a-local"
    raise ValueError(str(len(family_name)))


def test_a_traceback_in_the_log_holds_no_values(app: Flask) -> None:
    written = io.StringIO()
    with redirect_stderr(written):
        log.configure()
        try:
            _fail()
        except ValueError:
            structlog.get_logger().exception("failed")
    log.configure()

    assert "ValueError" in written.getvalue()
    assert "Okafor-in-a-local" not in written.getvalue()
