"""What is measured: scenarios with their request files, and how near the ceiling each must be."""

import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import requests

from tests.bench.people import PRACTITIONERS, STATUSES, People


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    title: str
    against: str
    """``read`` or ``write``: which ceiling."""
    least: float
    """Share of the adjacent ceiling that must be reached at eight clients."""
    aim: float
    update: bool = False


SCENARIOS = (
    Scenario("read", "read by id", "read", 0.80, 1.0),
    Scenario("identifier", "search by identifier", "read", 0.60, 0.80),
    Scenario("family", "family + birthdate", "read", 0.55, 0.70),
    Scenario("worklist", "worklist: owner + status + sort + 50", "read", 0.30, 0.40),
    Scenario("included", "the same with _include", "read", 0.18, 0.26),
    Scenario("everything", "$everything", "read", 0.45, 0.60),
    Scenario("create", "create", "write", 0.50, 0.65),
    Scenario("update", "update with If-Match", "write", 0.50, 0.70, update=True),
    Scenario("tx20", "transaction of 20", "write", 0.14, 0.18),
    Scenario("tx100", "transaction of 100", "write", 0.055, 0.08),
)
"""In this order: creating lengthens the worklists."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One person that was loaded: the id here, and what the searches ask for."""

    id: str
    identifier: str
    family: str
    birth_date: str

    @classmethod
    def of(cls, patient: dict[str, Any], record_id: str) -> Self:
        return cls(
            id=record_id,
            identifier=patient["identifier"][0]["value"],
            family=patient["name"][0]["family"],
            birth_date=patient["birthDate"],
        )


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def request_files(loaded: list[Loaded], folder: Path) -> None:
    """Write the request files of every scenario except the update."""
    chosen = random.Random(7)
    people = People(seed=5)
    some = chosen.sample(loaded, min(5000, len(loaded)))
    system = quote("https://bench.example/mrn|", safe="")
    worklists = [
        f"/fhir/Task?owner=Practitioner/bench-prac-{n}&status={status}&_sort=-authored-on&_count=50"
        for n in range(PRACTITIONERS)
        for status in STATUSES
    ]
    chosen.shuffle(worklists)
    files: dict[str, Iterable[tuple[str, str, str]]] = {
        "read": (("GET", f"/fhir/Patient/{p.id}", "") for p in some),
        "identifier": (
            ("GET", f"/fhir/Patient?identifier={system}{p.identifier}", "") for p in some
        ),
        "family": (
            ("GET", f"/fhir/Patient?family={p.family}&birthdate={p.birth_date}", "") for p in some
        ),
        "worklist": (("GET", path, "") for path in worklists),
        "included": (("GET", f"{path}&_include=Task:patient", "") for path in worklists),
        "everything": (("GET", f"/fhir/Patient/{p.id}/$everything", "") for p in some[:2000]),
        "create": (
            ("POST", "/fhir/Patient", _compact(people.patient(7_000_000 + n))) for n in range(2000)
        ),
        "tx20": _transactions(people, 200, 5_000_000, tasks=8, observations=8),
        "tx100": _transactions(people, 60, 6_000_000, tasks=30, observations=66),
    }
    for name, lines in files.items():
        (folder / f"{name}.txt").write_text("".join("\t".join(line) + "\n" for line in lines))


def _transactions(
    people: People, count: int, first: int, *, tasks: int, observations: int
) -> Iterable[tuple[str, str, str]]:
    for number in range(count):
        bundle = people.bundle(first + number, tasks=tasks, observations=observations)
        yield "POST", "/fhir", _compact(bundle)


def update_file(get: Callable[[str], requests.Response], loaded: list[Loaded], path: Path) -> None:
    """Write the update requests with the versions as they are now."""
    chosen = random.Random(11)
    lines = []
    for person in chosen.sample(loaded, min(500, len(loaded))):
        resource = get(f"/fhir/Patient/{person.id}").json()
        version = resource["meta"].pop("versionId")
        del resource["meta"]["lastUpdated"]
        resource["address"][0]["line"] = [f"{chosen.randint(1, 9999)} Update Road"]
        address = f"/fhir/Patient/{person.id}"
        lines.append(f"{person.id}\t{address}\t{version}|{_compact(resource)}\n")
    path.write_text("".join(lines))
