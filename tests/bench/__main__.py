"""``make bench``: a private hub under load, beside the least that Flask can do on this machine.

``python -m tests.bench [--people N] [--seconds S] [--only a,b]`` prints a table of ratios and fails
where a line does not hold. Absolute figures of a shared machine mean nothing; the ceiling is
measured in between the runs of each scenario.
"""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.bench import load_maker
from tests.bench.bench_hub import CLIENTS, CROWD, MANY, BenchHub, Client, Measured
from tests.bench.people import People
from tests.bench.scenarios import SCENARIOS, Loaded, Scenario

_LARGEST_RESOURCE = 2560
"""Bytes on disk for each resource, everything in."""


def load(client: Client, people: int) -> tuple[list[Loaded], float]:
    """Load people by transactions; return them, and resources a second."""
    made = People()
    client.post(made.staff())
    bundles = list(made.bundles(people))
    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as threads:
        ids = list(threads.map(client.post, bundles))
    seconds = time.perf_counter() - began
    loaded = [
        Loaded.of(bundle["entry"][0]["resource"], found[0])
        for bundle, found in zip(bundles, ids, strict=True)
    ]
    return loaded, sum(map(len, ids)) / seconds


class Table:
    """The lines of the report; ``broken`` says which did not hold."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        print(
            f"{'scenario':40}{'ratio':>8}{'least':>8}{'aim':>7}"
            f"{'/s':>9}{'p50':>8}{'c=32':>7}{'c=64':>7}{'bad':>5}"
        )

    def line(self, scenario: Scenario, found: Measured) -> None:
        share, crowded = found.share(found.many), found.share(found.crowd)
        print(
            f"{scenario.title:40}{found.ratio:8.3f}{scenario.least:8.3f}{scenario.aim:7.2f}"
            f"{found.run.rate:9.1f}{found.run.p50:8.2f}{share:7.2f}{crowded:7.2f}{found.bad:5d}"
            f"  {found.complaint[:120]}",
            flush=True,
        )
        if found.ratio < scenario.least or found.bad:
            self.broken.append(scenario.title)
        elif share < 0.9:
            self.broken.append(f"{scenario.title} at {MANY} clients")
        elif not found.crowd.rate:
            self.broken.append(f"{scenario.title} at {CROWD} clients")


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
    chosen = [each for each in SCENARIOS if not only or each.name in only]
    with BenchHub(given.seconds) as hub:
        loaded, speed = load(hub.client, given.people)
        print(f"{given.people} people loaded at {speed:.0f} resources a second")
        size = hub.bytes_a_resource()
        hub.prepare(loaded)
        table = Table()
        hub.measure(chosen, table.line)
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
