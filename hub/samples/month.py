"""`carehub simulate`: some weeks played at a private simulated hub, and what they came to."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.auth import issue_token
from hub.db import db
from hub.domain.definition import HubDefinition
from hub.samples import day_records, day_report, month_report, month_script, private_hub
from hub.samples.day_client import Desk, System, Wire
from hub.samples.day_report import Report
from hub.samples.month_play import MonthPlay
from hub.samples.month_report import Kept
from hub.samples.sign_ins import password_of
from hub.samples.simulation.demand import Span
from hub.samples.simulation.world import World

CLIENT = "demo-system"


@dataclass(frozen=True, slots=True)
class MonthReport:
    """Conservation, and what must hold at every instant."""

    conserved: Report
    kept: Kept

    @property
    def problems(self) -> tuple[str, ...]:
        return month_report.checked(self.conserved, self.kept).problems

    def as_json(self) -> dict[str, Any]:
        kept = {name: getattr(self.kept, name) for name in Kept.__slots__}
        conserved = self.conserved.as_json()
        by_person = conserved.pop("by_person")
        return {**conserved, **kept, "by_person": by_person, "problems": list(self.problems)}


def play(
    world: World,
    definition: HubDefinition,
    span: Span,
    *,
    seed: int,
    home: Path | None = None,
    say: Callable[[str], None] = lambda _line: None,
) -> MonthReport:
    """Play the weeks and count them. Without ``home`` the hub's folder is thrown away."""
    script = month_script.write(world, definition, span, seed)
    with private_hub.running(home, script.starts, say) as (hub, app):
        wire = Wire(hub.url, hub.mend)
        player = MonthPlay(
            script,
            definition,
            System(wire, issue_token(CLIENT, "", 24 * 3600)),
            Desk(wire, lambda username: password_of(username, hub.home)),
            mend=hub.mend,
            say=say,
        )
        player.run()
        with app.app_context():
            db.session.remove()
            conserved = day_report.count(
                sent=player.sent,
                inbox=day_records.inbox(f"client/{CLIENT}"),
                referrals=day_records.referrals(),
                tasks=day_records.tasks(),
            )
            return MonthReport(conserved, month_report.kept(script.starts, script.ends))
