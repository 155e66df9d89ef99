"""The least that a Flask application can do on this machine: what Carehub is measured against.

One SELECT of a 2 kB row by its key, or one INSERT with its commit, through a psycopg pool; the same
server, workers and threads as the hub's own.
"""

import json
import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import psycopg
import requests
from flask import Flask, Response, request
from psycopg_pool import ConnectionPool

from hub.supervisor.processes import WEB_THREADS, WEB_WORKERS
from tests.bench.people import People

_ADDRESS = "BENCH_CEILING_DATABASE"
_ROWS = 20_000
_PADDING = "x" * 300
_TYPE = "application/fhir+json"


def create_app() -> Flask:
    """Build the application; granian calls this in each worker."""
    app = Flask(__name__)
    pool = ConnectionPool(
        os.environ[_ADDRESS],
        min_size=WEB_THREADS,
        max_size=WEB_THREADS,
        kwargs={"autocommit": True, "prepare_threshold": 1},
        open=True,
    )

    @app.get("/read/<key>")
    def read(key: str) -> Response:
        with pool.connection() as connection:
            row = connection.execute(
                "SELECT content::text FROM ceiling WHERE id = %s", (key,)
            ).fetchone()
        assert row is not None
        return Response(row[0], content_type=_TYPE)

    @app.post("/write")
    def write() -> Response:
        value = orjson.loads(request.get_data())
        key = str(uuid.uuid4())
        value["id"] = key
        text = orjson.dumps(value)
        with pool.connection() as connection:
            connection.execute(
                "INSERT INTO ceiling_written (id, content) VALUES (%s, %s::jsonb)",
                (key, text.decode()),
            )
        return Response(text, status=201, content_type=_TYPE)

    return app


def fill(address: str, folder: Path) -> None:
    """Make the tables of the ceiling and its request files."""
    people = People(seed=3)
    patients = [people.patient(number) for number in range(500)]
    keys = [str(uuid.UUID(int=n + 1)) for n in range(_ROWS)]
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE ceiling (id uuid PRIMARY KEY, content jsonb NOT NULL);"
            "CREATE TABLE ceiling_written (id uuid PRIMARY KEY, content jsonb NOT NULL,"
            " created timestamptz DEFAULT clock_timestamp())"
        )
        with connection.cursor().copy("COPY ceiling (id, content) FROM STDIN") as copy:
            for place, key in enumerate(keys):
                patient = patients[place % len(patients)] | {"id": key, "note": _PADDING}
                copy.write_row((key, json.dumps(patient)))
        connection.execute("VACUUM ANALYZE ceiling")
    chosen = random.Random(3).sample(keys, 5000)
    (folder / "ceiling_read.txt").write_text("".join(f"GET\t/read/{key}\t\n" for key in chosen))
    bodies = (json.dumps(patient | {"note": _PADDING}) for patient in patients)
    (folder / "ceiling_write.txt").write_text("".join(f"POST\t/write\t{b}\n" for b in bodies))


@contextmanager
def running(address: str, port: int) -> Iterator[str]:
    """Serve the ceiling on loopback for as long as this lasts."""
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory"]
    command += ["tests.bench.ceiling:create_app", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--no-ws", "--workers", str(WEB_WORKERS), "--blocking-threads", str(WEB_THREADS)]
    server = subprocess.Popen(
        command,
        env=os.environ | {_ADDRESS: address},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(f"{url}/read/{uuid.UUID(int=1)}")
        yield url
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait(url: str) -> None:
    for _ in range(120):
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.25)
    raise RuntimeError("the ceiling did not start")
