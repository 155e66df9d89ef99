"""What only shows in a served process: who wins a race, and what memory bad bodies take."""

import gzip
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import psutil  # type: ignore[import-untyped]
import pytest
import requests

from tests.clients.conftest import Server

RACERS = 16
BOUND = 700 * 2**20
"""Bytes that one bad body may make the web processes grow by. The largest body is 20 MB, and a body
of the most values that are read at all takes some hundred bytes for each."""


def test_of_many_clients_that_change_one_version_one_wins(server: Server) -> None:
    headers = {"Authorization": server.bearer}
    made = requests.post(
        f"{server.url}/Patient", json={"resourceType": "Patient"}, headers=headers, timeout=30
    ).json()
    address, ready = f"{server.url}/Patient/{made['id']}", Barrier(RACERS)

    def change(number: int) -> tuple[int, int]:
        with requests.Session() as session:
            # The connection stands before the race begins.
            session.get(address, headers=headers, timeout=30)
            ready.wait(timeout=30)
            answer = session.put(
                address,
                json={**made, "multipleBirthInteger": number},
                headers={**headers, "If-Match": 'W/"1"'},
                timeout=30,
            )
        return answer.status_code, number

    with ThreadPoolExecutor(RACERS) as racers:
        answers = list(racers.map(change, range(RACERS)))

    assert sorted(status for status, _ in answers) == [200] + [412] * (RACERS - 1)
    (winner,) = (number for status, number in answers if status == 200)
    now = requests.get(address, headers=headers, timeout=30).json()
    assert (now["meta"]["versionId"], now["multipleBirthInteger"]) == ("2", winner)


def _laughs() -> bytes:
    entities = ['<!ENTITY a0 "ha">']
    entities += [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)]
    return f"<!DOCTYPE Patient [{''.join(entities)}]><Patient>&a11;</Patient>".encode()


PATIENT = b'{"resourceType":"Patient","language":'
JSON: dict[str, Callable[[], bytes]] = {
    "arrays in arrays": lambda: b"[" * 5_000_000,
    "objects in objects": lambda: b'{"a":' * 2_000_000,
    "a number of ten million digits": lambda: PATIENT + b"9" * 10_000_000 + b"}",
    "a great exponent": lambda: PATIENT + b"1e999999999999}",
    "a string of fifteen million": lambda: PATIENT + b'"' + b"x" * 15_000_000 + b"\\ud800" + b'"}',
    "a string without an end": lambda: PATIENT + b'"' + b"\\n" * 7_000_000,
    "spaces": lambda: b"{" + b" \n" * 7_000_000 + b'"resourceType":"Nothing"}',
    "as many values as there may be": lambda: PATIENT + b"[" + b"1," * 1_400_000 + b"1]}",
    "more values than there may be": lambda: PATIENT + b"[" + b"1," * 6_000_000 + b"1]}",
    "a million names": lambda: b"{" + b",".join(b'"n%d":1' % n for n in range(1_000_000)) + b"}",
    "a name twice": lambda: b'{"resourceType":"Patient",' + b'"id":"1",' * 100_000 + b'"id":"1"}',
}
XMLNS = b'<Patient xmlns="http://hl7.org/fhir'
XML: dict[str, Callable[[], bytes]] = {
    "elements in elements": lambda: XMLNS + b'">' + b"<name>" * 2_000_000,
    "entities of entities": _laughs,
    "an attribute without an end": lambda: XMLNS + b"x" * 15_000_000,
}


def _web(address: str) -> Iterator[psutil.Process]:
    port = int(address.rpartition(":")[2].partition("/")[0])
    for each in psutil.net_connections("tcp4"):
        if each.status == psutil.CONN_LISTEN and each.laddr.port == port and each.pid:
            yield psutil.Process(each.pid)


def _highest(processes: list[psutil.Process]) -> int:
    """Return the most memory that the processes held since they were last asked."""
    total = 0
    for process in processes:
        folder = Path("/proc", str(process.pid))
        (line,) = (each for each in (folder / "status").read_text().splitlines() if "VmHWM" in each)
        total += int(line.split()[1]) * 1024
        (folder / "clear_refs").write_text("5")
    return total


def _bomb() -> bytes:
    """Return a quarter of a megabyte that unpacks to two hundred and fifty."""
    return gzip.compress(b'{"resourceType":"Patient"' + b" " * 250_000_000 + b"}", 1)


CASES = [
    *((made, "application/fhir+json", "identity", name) for name, made in JSON.items()),
    *((made, "application/fhir+xml", "identity", name) for name, made in XML.items()),
    (_bomb, "application/fhir+json", "gzip", "a packed desert"),
]


@pytest.mark.parametrize(
    ("made", "kind", "coding"),
    [pytest.param(made, kind, coding, id=name) for made, kind, coding, name in CASES],
)
def test_a_bad_body_is_refused_and_takes_no_more_memory_than_it_may(
    server: Server, made: Callable[[], bytes], kind: str, coding: str
) -> None:
    found = list(_web(server.url))
    processes = list({p.pid: p for f in found for p in (f, *f.children())}.values())
    assert processes
    _highest(processes)
    before = sum(process.memory_info().rss for process in processes)
    headers = {
        "Authorization": server.bearer,
        "Content-Type": kind,
        "Content-Encoding": coding,
    }

    answer = requests.post(f"{server.url}/Patient", data=made(), headers=headers, timeout=120)

    assert 400 <= answer.status_code < 500
    assert "OperationOutcome" in answer.text
    assert _highest(processes) - before < BOUND
