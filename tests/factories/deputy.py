"""A colleague who acts for somebody who is away."""

from typing import Any

from hub import clock
from hub.models.deputy import Deputy
from tests.factories import kept
from tests.factories.absence import absence


def deputy(practitioner: str = "Practitioner/asha-nurse", **columns: Any) -> Deputy:
    if "absence_id" not in columns:
        columns["absence_id"] = absence(practitioner).id
    defaults = {
        "deputy": "Practitioner/gareth-price",
        "why": "same role in District nursing west",
        "began_at": clock.now(),
    }
    return kept(Deputy(practitioner=practitioner, **defaults | columns))
