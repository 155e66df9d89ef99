"""`carehub day`: a private simulated hub, one day played at it, and what the day came to."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TypeVar

from flask import Flask

from hub.auth import issue_token
from hub.db import db
from hub.samples import SOUTHEND, day_records, day_report, day_script, private_hub
from hub.samples.day_client import Desk, HubLostError, System, Wire
from hub.samples.day_play import DayPlay
from hub.samples.day_report import Report
from hub.samples.play import Disaster
from hub.samples.sign_ins import password_of
from hub.services import definitions
from hub.supervisor.up import Hub

T = TypeVar("T")

CLIENT = "demo-system"
CHAOS = ("worker", "web", "valkey", "postgres")
DOWN_SECONDS = 1.0
"""How long what was killed stays down: long enough that messages run into it."""


def play(
    *,
    seed: int,
    day: date,
    demand: int = 80,
    chaos: Sequence[str] = (),
    home: Path | None = None,
    say: Callable[[str], None] = lambda _line: None,
) -> Report:
    """Play a day and count it. Without ``home`` the hub's folder is thrown away afterwards."""
    definition = definitions.check(SOUTHEND)
    script = day_script.write(definition, seed=seed, day=day, demand=demand)
    with private_hub.running(home, script.starts, say) as (hub, app):
        token = issue_token(CLIENT, "", 12 * 3600)
        wire = Wire(hub.url, hub.mend)
        player = DayPlay(
            script,
            definition,
            System(wire, token),
            Desk(wire, lambda username: password_of(username, hub.home)),
            mend=hub.mend,
            say=say,
            disaster=_disaster(hub, chaos, say) if chaos else None,
        )
        player.run()
        return _count(app, player)


def _count(app: Flask, player: DayPlay) -> Report:
    with app.app_context():
        # The engines may have been started again since the token was issued.
        db.session.remove()
        db.engine.dispose()
        return day_report.count(
            sent=player.sent,
            inbox=day_records.inbox(f"client/{CLIENT}"),
            referrals=day_records.referrals(),
            tasks=day_records.tasks(),
            edits=player.edits,
        )


def _disaster(hub: Hub, names: Sequence[str], say: Callable[[str], None]) -> Disaster:
    """Return what kills the named processes under something that is being done."""

    def strike(act: Callable[[], T], /) -> T:
        answers: list[T] = []
        sender = threading.Thread(target=lambda: answers.append(act()))
        sender.start()
        # Into the work of the hub, not before it: about as long as a message takes.
        time.sleep(0.01)
        for name in names:
            say(f"kill -9 {name}")
            hub.kill(name)
        time.sleep(DOWN_SECONDS)
        for name in sorted(names, key=("postgres", "valkey", "web", "worker").index):
            hub.restart(name)
            say(f"{name} is started again")
        sender.join()
        if not answers:
            raise HubLostError("what was under way when the hub broke down was never answered")
        return answers[0]

    return strike
