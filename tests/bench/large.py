"""``make bench-large``: the same scenarios over a district, and how fast `carehub load` fills it.

``python -m tests.bench.large [--people N] [--tasks-each N] [--processes N]`` measures the scenarios
over 10,000 people first, then over 330,000 with two million tasks, each beside the ceiling of its
own moment, and fails where a scenario loses more than a third of its share, or where the load
stores fewer than 1.8 resources for each INSERT of the ceiling. It takes half an hour on two cores
and 23 GB; the disk is looked at before anything is made.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hub import settings
from tests.bench import load_maker
from tests.bench.bench_hub import BenchHub, Measured
from tests.bench.people import People
from tests.bench.scenarios import SCENARIOS, Loaded, Scenario

_SMALL = 10_000
_LEAST_LEFT = 2 / 3
"""Of a scenario's share of the ceiling over 10,000 people."""
_LEAST_LOADED = 1.8
"""Resources stored for each INSERT of the ceiling."""
_PEOPLE_A_FILE = 2_000
_ROOM = 5_500
"""Bytes of free disk for each resource: the database, its log and the files."""


def resources(bundle: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the resources of a bundle, with ids and literal references in place of its UUIDs."""
    kinds = {
        each["fullUrl"]: f"{each['resource']['resourceType']}/{each['fullUrl'][9:]}"
        for each in bundle["entry"]
    }
    for entry in bundle["entry"]:
        resource = entry["resource"]
        # Where FHIR servers write it (https://hl7.org/fhir/R4/json.html#resources): an export
        # of another system is what is loaded so.
        first = {"resourceType": resource["resourceType"], "id": entry["fullUrl"][9:]}
        text = json.dumps(first | resource)
        for address, reference in kinds.items():
            text = text.replace(f'"{address}"', f'"{reference}"')
        yield json.loads(text)


def write(folder: Path, people: int, tasks: int) -> tuple[list[Loaded], int]:
    """Write people as NDJSON; return them, and how many resources the files hold."""
    made, loaded, count = People(), [], 0
    staff = [each["resource"] for each in made.staff()["entry"]]
    (folder / "00000.ndjson").write_text("".join(json.dumps(each) + "\n" for each in staff))
    for first in range(0, people, _PEOPLE_A_FILE):
        with (folder / f"{first // _PEOPLE_A_FILE + 1:05}.ndjson").open("w") as file:
            for number in range(first, min(first + _PEOPLE_A_FILE, people)):
                for resource in resources(made.bundle(number, tasks=tasks)):
                    if resource["resourceType"] == "Patient":
                        loaded.append(Loaded.of(resource, resource["id"]))
                    file.write(json.dumps(resource) + "\n")
                    count += 1
    return loaded, count + len(staff)


def shares(
    people: int, tasks: int, seconds: float, processes: int
) -> tuple[dict[str, float], float]:
    """Load people and measure; return each scenario's share, and resources for each INSERT."""
    found: dict[str, float] = {}

    def keep(scenario: Scenario, measured: Measured) -> None:
        found[scenario.name] = measured.ratio if not measured.bad else 0.0
        print(
            f"{people:>9} {scenario.title:40}{measured.ratio:8.3f} bad {measured.bad}", flush=True
        )

    with BenchHub(seconds) as hub, tempfile.TemporaryDirectory() as files:
        loaded, count = write(Path(files), people, tasks)
        before = hub.top("write")
        began = time.perf_counter()
        subprocess.run(
            [
                *(str(Path(sys.executable).with_name("carehub")), "load", files, "--strict"),
                *("--processes", str(processes)),
            ],
            env=settings.environment(CAREHUB_HOME=str(hub.home)),
            check=True,
        )
        speed = count / (time.perf_counter() - began)
        inserts = (before + hub.top("write")) / 2
        print(f"{count} resources at {speed / inserts:.2f} for each INSERT of the ceiling")
        print(f"{hub.bytes_a_resource():.0f} bytes a resource")
        hub.prepare(loaded)
        hub.measure(SCENARIOS, keep)
    return found, speed / inserts


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.large")
    arguments.add_argument("--people", type=int, default=330_000)
    arguments.add_argument("--tasks-each", type=int, default=6)
    arguments.add_argument("--seconds", type=float, default=6)
    arguments.add_argument("--processes", type=int, default=2)
    given = arguments.parse_args()
    if not load_maker.is_there():
        print(load_maker.ABSENT)
        return 2
    wanted = given.people * (7 + given.tasks_each) * _ROOM
    if shutil.disk_usage(tempfile.gettempdir()).free < wanted:
        print(f"this needs {wanted / 2**30:.0f} GB of disk below {tempfile.gettempdir()}")
        return 2
    small, _ = shares(min(_SMALL, given.people), given.tasks_each, given.seconds, given.processes)
    large, loaded = shares(given.people, given.tasks_each, given.seconds, given.processes)
    broken = []
    print(f"{'scenario':40}{'10,000':>9}{given.people:>9,}{'left':>7}")
    for scenario in SCENARIOS:
        left = large[scenario.name] / small[scenario.name] if small[scenario.name] else 0.0
        print(
            f"{scenario.title:40}{small[scenario.name]:9.3f}{large[scenario.name]:9.3f}{left:7.2f}"
        )
        if left < _LEAST_LEFT:
            broken.append(scenario.title)
    if loaded < _LEAST_LOADED:
        broken.append(f"carehub load: {loaded:.2f} resources for each INSERT")
    if broken:
        print("does not hold: " + "; ".join(broken))
        return 1
    print("every line holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
