import io
from contextlib import redirect_stderr

import pytest
import structlog
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub import log
from hub.db import db


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


def test_the_text_of_a_database_error_holds_no_values(app: Flask) -> None:
    with pytest.raises(DBAPIError) as caught:
        db.session.execute(text("SELECT 1 / 0 WHERE :name <> ''"), {"name": "Okafor-in-a-row"})
    db.session.rollback()

    assert "Okafor-in-a-row" not in str(caught.value)
