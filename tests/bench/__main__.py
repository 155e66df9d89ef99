"""``make bench``: a private hub under load, beside the least that Flask can do on this machine.

``python -m tests.bench [--people N] [--seconds S] [--only a,b]`` prints a table of ratios and fails
where a line does not hold. Absolute figures of a shared machine mean nothing; the ceiling is
measured just before and just after each scenario.
"""

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import local

import psycopg
import requests

from hub import settings
from hub.supervisor.up import Hub
from tests.bench import ceiling, load_maker, scenarios
from tests.bench.load_maker import Run
from tests.bench.people import People
from tests.bench.scenarios import SCENARIOS, Loaded, Scenario

_CLIENTS = 8
_MANY = 32
_CROWD = 64
"""More clients than the hub has threads and connections: they wait, and none is turned away."""
_LARGEST_RESOURCE = 2560
"""Bytes on disk for each resource, everything in."""


class Client:
    """A client of the hub: one session for each thread."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._local = local()

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.headers["Authorization"] = f"Bearer {self._token}"
        session: requests.Session = self._local.session
        return session

    def get(self, path: str) -> requests.Response:
        return self._session().get(self._url + path, timeout=60)

    def post(self, bundle: dict[str, object]) -> list[str]:
        """Post a transaction; return the ids of its entries."""
        answer = self._session().post(f"{self._url}/fhir", json=bundle, timeout=120)
        answer.raise_for_status()
        return [entry["response"]["location"].split("/")[-3] for entry in answer.json()["entry"]]


def load(client: Client, people: int) -> tuple[list[Loaded], float]:
    """Load people; return them, and resources a second."""
    made = People()
    client.post(made.staff())
    bundles = list(made.bundles(people))
    began = time.perf_counter()
    with ThreadPoolExecutor(_CLIENTS) as threads:
        ids = list(threads.map(client.post, bundles))
    seconds = time.perf_counter() - began
    loaded = []
    for bundle, found in zip(bundles, ids, strict=True):
        patient = bundle["entry"][0]["resource"]
        loaded.append(
            Loaded(
                id=found[0],
                identifier=patient["identifier"][0]["value"],
                family=patient["name"][0]["family"],
                birth_date=patient["birthDate"],
            )
        )
    return loaded, sum(map(len, ids)) / seconds


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _token(home: Path) -> str:
    command = [str(Path(sys.executable).with_name("carehub")), "token", "--client", "demo-system"]
    command += ["--scope", "system/*.cruds", "--ttl", "7200"]
    return subprocess.run(
        command,
        env=settings.environment(CAREHUB_HOME=str(home)),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


class Table:
    """The lines of the report; ``broken`` says which did not hold."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        print(
            f"{'scenario':40}{'ratio':>8}{'least':>8}{'aim':>7}"
            f"{'/s':>9}{'p50':>8}{'c=32':>7}{'c=64':>7}{'bad':>5}"
        )

    def line(self, scenario: Scenario, run: Run, many: Run, crowd: Run, top: float) -> None:
        ratio = run.rate / top
        share = many.rate / run.rate if run.rate else 0.0
        crowded = crowd.rate / run.rate if run.rate else 0.0
        bad = run.bad + many.bad + crowd.bad
        complaint = run.complaint or many.complaint or crowd.complaint
        print(
            f"{scenario.title:40}{ratio:8.3f}{scenario.least:8.3f}{scenario.aim:7.2f}"
            f"{run.rate:9.1f}{run.p50:8.2f}{share:7.2f}{crowded:7.2f}{bad:5d}  {complaint[:120]}",
            flush=True,
        )
        if ratio < scenario.least or bad:
            self.broken.append(scenario.title)
        elif share < 0.9:
            self.broken.append(f"{scenario.title} at {_MANY} clients")
        elif not crowd.rate:
            self.broken.append(f"{scenario.title} at {_CROWD} clients")


def bytes_a_resource(address: str) -> float:
    """Return the size of the hub's database for each stored record."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'fhir\\_%'"
            " AND relname NOT IN ('fhir_string', 'fhir_date', 'fhir_quantity', 'fhir_history')"
        ).fetchall()
        rows = sum(
            connection.execute(f'SELECT count(*) FROM "{name}"'.encode()).fetchone()[0]  # type: ignore[index]
            for (name,) in tables
        )
        size = connection.execute(
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind = 'r'"
        ).fetchone()
    assert size is not None
    return float(size[0]) / rows


def _measure(
    scenario: Scenario, work: Callable[[int], Run], top: Callable[[], float]
) -> tuple[Run, Run, Run, float]:
    work(_CLIENTS)
    before = top()
    run = work(_CLIENTS)
    after = top()
    return run, work(_MANY), work(_CROWD), (before + after) / 2


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench")
    arguments.add_argument("--people", type=int, default=10_000)
    arguments.add_argument("--seconds", type=float, default=6)
    arguments.add_argument("--only", default="", help="scenarios, by commas")
    given = arguments.parse_args()
    if not load_maker.is_there():
        print(load_maker.ABSENT)
        return 2
    only = set(filter(None, given.only.split(",")))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        hub = stack.enter_context(Hub(folder / "home", _free_port(), say=print))
        told = settings.running(folder / "home")
        address = told["DATABASE_URL"].replace("+psycopg", "")
        client = Client(hub.url, token := _token(folder / "home"))
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("CREATE DATABASE ceiling")
        head, mark, options = address.partition("?")
        beside = f"{head.rpartition('/')[0]}/ceiling{mark}{options}"
        ceiling.fill(beside, folder)
        least = stack.enter_context(ceiling.running(beside, _free_port()))
        loaded, speed = load(client, given.people)
        print(f"{given.people} people loaded at {speed:.0f} resources a second")
        size = bytes_a_resource(address)
        scenarios.request_files(loaded, folder)
        table = Table()
        for scenario in SCENARIOS:
            if only and scenario.name not in only:
                continue
            requests_file = folder / f"{scenario.name}.txt"

            def work(clients: int, chosen: Scenario = scenario, file: Path = requests_file) -> Run:
                if chosen.update:
                    scenarios.update_file(client.get, loaded, file)
                return load_maker.run(
                    hub.url, file, clients=clients, seconds=given.seconds, token=token,
                    update=chosen.update,
                )  # fmt: skip

            def top(chosen: Scenario = scenario) -> float:
                file = folder / f"ceiling_{chosen.against}.txt"
                return load_maker.run(least, file, clients=_CLIENTS, seconds=3).rate

            table.line(scenario, *_measure(scenario, work, top))
        print(f"{size:.0f} bytes a resource (at most {_LARGEST_RESOURCE})")
        if size > _LARGEST_RESOURCE:
            table.broken.append("bytes a resource")
    if table.broken:
        print("does not hold: " + "; ".join(table.broken))
        return 1
    print("every line holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
