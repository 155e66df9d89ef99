"""Which search parameters have a scalar column of their own, and the composite indexes over them.

Everything else is found through the one hashed index column; a column is worth its B-tree where
lists are ordered by it or where it is joined. See docs/adr/0001.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promoted:
    """A scalar column: ``column`` text taken from the first value at ``path`` of the resource."""

    column: str
    path: tuple[str, ...]
    kind: str = "text"
    """``text`` or ``instant`` (timestamptz from a dateTime or instant)."""
    parameter: str | None = None
    """The search parameter that the column answers exactly, where it does."""


_STATUS = Promoted("status", ("status",), parameter="status")

PROMOTED: Mapping[str, tuple[Promoted, ...]] = {
    "Task": (
        _STATUS,
        Promoted("owner", ("owner", "reference"), parameter="owner"),
        Promoted("requester", ("requester", "reference"), parameter="requester"),
        Promoted("focus", ("focus", "reference"), parameter="focus"),
        Promoted("code", ("code", "coding", "code")),
        Promoted("business_status", ("businessStatus", "coding", "code")),
        Promoted("priority", ("priority",), parameter="priority"),
        Promoted("due_at", ("restriction", "period", "end"), kind="instant"),
    ),
    "ServiceRequest": (
        _STATUS,
        Promoted("priority", ("priority",), parameter="priority"),
        Promoted("performer", ("performer", "reference")),
    ),
    "CarePlan": (_STATUS, Promoted("care_team", ("careTeam", "reference"))),
    "CareTeam": (_STATUS, Promoted("category", ("category", "coding", "code"))),
    "EpisodeOfCare": (_STATUS, Promoted("type", ("type", "coding", "code"))),
    "Flag": (_STATUS, Promoted("code", ("code", "coding", "code"))),
    "Goal": (Promoted("status", ("lifecycleStatus",), parameter="lifecycle-status"),),
    "Consent": (_STATUS,),
    "Subscription": (_STATUS,),
    "Appointment": (_STATUS,),
    "Encounter": (_STATUS,),
    "QuestionnaireResponse": (_STATUS, Promoted("questionnaire", ("questionnaire",))),
}

INDEXES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    # A worklist: one owner, some states, newest first (care model section 1).
    "Task": (
        # With its id, and without deleted ones: a page comes in its order, and its total is
        # counted, from the index alone.
        ("owner", "status", "d_authored_on_lo DESC", "id"),
        ("focus",),
    ),
    "ServiceRequest": (("status", "d_authored_lo"),),
    "Subscription": (("status",),),
}

DATE_INDEXES: Mapping[str, tuple[str, ...]] = {
    # Date parameters that are searched without naming a person; the others filter.
    "Appointment": ("date",),
    "Encounter": ("date",),
    "Patient": ("birthdate",),
    "Slot": ("start",),
    "Task": ("authored-on",),
}
