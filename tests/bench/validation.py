"""What validation costs a write: ``python -m tests.bench.validation`` (docs/adr/0004)."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from fhir import jsontext, r4
from fhir.validation import validate
from fhir.validation.report import report
from tests.shared_data import data

EXAMPLES = (
    "ukcore-examples/UKCore-Patient-RichardSmith-Example.json",
    "ukcore-examples/UKCore-Patient-BabyPatient-Example.json",
    "ukcore-examples/UKCore-Observation-PatientConsciousness-Example.json",
    "r4-examples/Observation-blood-pressure.json",
)
_SECONDS = 0.3


def cost(call: Callable[[], Any]) -> float:
    """Return the microseconds of processor time of one call: the best of five rounds."""
    call()
    best = float("inf")
    for _ in range(5):
        calls = 0
        start = time.process_time()
        while time.process_time() - start < _SECONDS / 5:
            call()
            calls += 1
        best = min(best, (time.process_time() - start) / calls)
    return best * 1e6


def measure(path: Path) -> str:
    raw = path.read_bytes()
    value, text = jsontext.parse(raw)
    compact = orjson.dumps(orjson.loads(raw))
    model = getattr(r4, value["resourceType"])
    figures = (
        cost(lambda: jsontext.parse(compact)),
        cost(lambda: validate(value)),
        cost(lambda: list(report(value))),
        cost(lambda: model.model_validate_json(compact)),
    )
    shown = "".join(f"{figure:>10.0f}" for figure in figures)
    return f"{path.stem[:44]:<46}{len(text):>7}{shown}"


def main() -> None:
    print(
        f"{'microseconds':<46}{'bytes':>7}{'parse':>10}{'accept':>10}{'report':>10}{'models':>10}"
    )
    for name in EXAMPLES:
        print(measure(data(name)))


if __name__ == "__main__":
    main()
