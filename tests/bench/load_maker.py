"""wrk, the program that makes the load: one run is one line of figures."""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Self

_SCRIPT = Path(__file__).parent / "wrk.lua"

ABSENT = "make bench needs the program wrk, which makes the load: `apt install wrk` brings it."


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of one scenario measured."""

    rate: float
    """Good answers a second."""
    bad: int
    """Answers that were no success, and broken connections."""
    p50: float
    p95: float
    """Milliseconds."""
    body: float
    """Bytes of a good answer."""
    complaint: str = ""
    """The first answer that was no success."""

    @classmethod
    def mean(cls, runs: Sequence[Self]) -> Self:
        """Return what several runs measured together."""
        return cls(
            rate=mean(run.rate for run in runs),
            bad=sum(run.bad for run in runs),
            p50=mean(run.p50 for run in runs),
            p95=mean(run.p95 for run in runs),
            body=mean(run.body for run in runs),
            complaint=next((run.complaint for run in runs if run.complaint), ""),
        )


def is_there() -> bool:
    return shutil.which("wrk") is not None


def run(
    url: str, requests: Path, *, clients: int, seconds: float, token: str = "", update: bool = False
) -> Run:
    """Let ``clients`` connections ask what stands in ``requests`` for some seconds."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds:.0f}s", "--timeout", "30s", "--latency"]
    command += ["-s", str(_SCRIPT)]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    command += [url, "--", str(requests), *(["update"] if update else [])]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + 90, check=False
    )
    result = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
    if result is None:
        raise RuntimeError(f"wrk said: {done.stdout[-300:]} {done.stderr[-300:]}")
    said = json.loads(result[1])
    complaint = re.search(r"^BAD (.*)$", done.stdout, re.MULTILINE)
    return Run(
        rate=said["ok"] / said["seconds"],
        bad=said["bad"],
        p50=said["p50"],
        p95=said["p95"],
        body=said["body"],
        complaint=complaint[1] if complaint else "",
    )
