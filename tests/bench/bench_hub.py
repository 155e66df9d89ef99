"""A private hub and the ceiling beside it, as both benchmarks of the API use them."""

import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from threading import local
from typing import Self

import psycopg
import requests

from hub import settings
from hub.supervisor.up import Hub
from tests.bench import ceiling, load_maker, scenarios
from tests.bench.load_maker import Run
from tests.bench.scenarios import Loaded, Scenario

CLIENTS = 8
MANY = 32
CROWD = 64
"""More clients than the hub has threads and connections: they wait, and none is turned away."""
TURNS = 3
"""Runs that the figure of eight clients is the mean of, in turns with the ceiling: what else a
shared machine does drifts from one minute to the next."""


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


@dataclass(frozen=True, slots=True)
class Measured:
    """One scenario with 8, 32 and 64 clients, and the ceiling in between the first."""

    run: Run
    many: Run
    crowd: Run
    top: float

    @property
    def ratio(self) -> float:
        return self.run.rate / self.top

    @property
    def bad(self) -> int:
        return self.run.bad + self.many.bad + self.crowd.bad

    @property
    def complaint(self) -> str:
        return self.run.complaint or self.many.complaint or self.crowd.complaint

    def share(self, run: Run) -> float:
        """Return the rate of another run beside that of eight clients."""
        return run.rate / self.run.rate if self.run.rate else 0.0


class BenchHub:
    """A hub in a folder of its own, with a token, and the ceiling on the same server."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.home = self.folder / "home"
        hub = self._stack.enter_context(Hub(self.home, _free_port(), say=print))
        self.url = hub.url
        told = settings.running(self.home)
        self.address = told["DATABASE_URL"].replace("+psycopg", "")
        self.token = _token(self.home)
        self.client = Client(hub.url, self.token)
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute("CREATE DATABASE ceiling")
        head, mark, options = self.address.partition("?")
        beside = f"{head.rpartition('/')[0]}/ceiling{mark}{options}"
        ceiling.fill(beside, self.folder)
        self._least = self._stack.enter_context(ceiling.running(beside, _free_port()))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def prepare(self, loaded: list[Loaded]) -> None:
        """Write the requests of the scenarios for the people that are there."""
        self._loaded = loaded
        scenarios.request_files(loaded, self.folder)

    def top(self, against: str) -> float:
        """Return the ceiling's rate now: of its SELECT (``read``) or its INSERT (``write``)."""
        file = self.folder / f"ceiling_{against}.txt"
        return load_maker.run(self._least, file, clients=CLIENTS, seconds=2).rate

    def measure(
        self, chosen: Iterable[Scenario], say: Callable[[Scenario, Measured], None]
    ) -> None:
        for scenario in chosen:
            self._work(scenario, CLIENTS, 1)
            tops, runs = [self.top(scenario.against)], []
            for _ in range(TURNS):
                runs.append(self._work(scenario, CLIENTS, TURNS))
                tops.append(self.top(scenario.against))
            run, top = Run.mean(runs), mean(tops)
            many, crowd = (
                Run.mean([self._work(scenario, clients, 2) for _ in range(2)])
                for clients in (MANY, CROWD)
            )
            say(scenario, Measured(run, many, crowd, top))

    def _work(self, scenario: Scenario, clients: int, parts: int) -> Run:
        """Run a scenario for its seconds divided into so many parts."""
        file = self.folder / f"{scenario.name}.txt"
        if scenario.update:
            scenarios.update_file(self.client.get, self._loaded, file)
        return load_maker.run(
            self.url,
            file,
            clients=clients,
            seconds=self._seconds / parts,
            token=self.token,
            update=scenario.update,
        )

    def bytes_a_resource(self) -> float:
        """Return the size of the hub's database for each stored record, after a VACUUM."""
        with psycopg.connect(self.address, autocommit=True) as connection:
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


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _token(home: Path) -> str:
    command = [str(Path(sys.executable).with_name("carehub")), "token", "--client", "demo-system"]
    command += ["--scope", "system/*.cruds", "--ttl", "36000"]
    return subprocess.run(
        command,
        env=settings.environment(CAREHUB_HOME=str(home)),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
