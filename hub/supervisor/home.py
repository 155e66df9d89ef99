"""The data folder of a hub: what it remembers from one start to the next."""

import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hub.supervisor.failures import StartError

BIGGEST_LOG = 20_000_000
"""Bytes; a bigger log is put aside at the next start, and one such is kept."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What was decided when the hub was made, and stays."""

    simulated: bool
    """A simulated hub runs on a simulated clock; no other hub ever does."""
    sample: bool
    """The sample hub was loaded; an empty hub never gets its people and accounts."""
    secret: str
    """CAREHUB_SECRET where the environment gives none."""
    receiver_port: int
    """Where the sample hub's receiver of notifications listens; its subscriptions name it."""


def kind_of(home: Path, *, simulated: bool, sample: bool, port: int) -> Kind:
    """Read what the data folder remembers, or decide it now."""
    path = home / "hub.json"
    try:
        told: dict[str, Any] = json.loads(path.read_text("utf-8"))
        kind = Kind(**told)
    except FileNotFoundError:
        kind = Kind(
            simulated=simulated,
            sample=sample,
            secret=secrets.token_urlsafe(32),
            receiver_port=_free_port(after=port),
        )
        write_privately(path, json.dumps(asdict(kind)))
    except (ValueError, TypeError):
        raise StartError(
            f"{path} cannot be read: restore it from a backup, or remove the data folder {home} "
            f"to begin with an empty hub."
        ) from None
    if kind.simulated != simulated:
        words = ("a simulated", "an ordinary") if kind.simulated else ("an ordinary", "a simulated")
        raise StartError(
            f"The data folder {home} holds {words[0]} hub and cannot become {words[1]} one: "
            f"choose another folder."
        )
    return kind


def is_simulated(home: Path) -> bool:
    """Tell what kind of hub a data folder holds."""
    return bool(json.loads((home / "hub.json").read_text("utf-8"))["simulated"])


def write_privately(path: Path, text: str) -> None:
    """Write a file that only its owner reads; a reader sees all of it or nothing."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    unfinished.replace(path)


def trim_logs(home: Path) -> None:
    """Put big logs of earlier starts aside."""
    for log in (home / "logs").glob("*.log"):
        if log.stat().st_size > BIGGEST_LOG:
            log.replace(log.with_suffix(".log.1"))


def port_is_free(port: int) -> bool:
    """Tell whether we may listen on a port of loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: connections that are still fading away block nobody.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port(*, after: int) -> int:
    return next(port for port in range(after + 1, after + 1000) if port_is_free(port))
