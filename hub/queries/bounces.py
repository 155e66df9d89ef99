"""Declined referrals and admissions, read from the records for those who may see them."""

from datetime import datetime

from sqlalchemy import and_, select

from fhir import jsontext
from hub import records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.bounces import WITHIN, Admission, Declined
from hub.domain.referral import TriageOutcome

_TASK = records.table("Task")
_ENCOUNTER = records.table("Encounter")
_ACUTE = frozenset({"EMER", "IMP", "ACUTE", "NONAC"})
"""HL7 ActEncounterCode: emergency and inpatient encounters."""
_NOT_THERE = frozenset({"planned", "cancelled", "entered-in-error"})


def declined(actor: Actor, since: datetime, until: datetime) -> list[Declined]:
    """Return the referrals that were declined from ``since`` up to ``until``."""
    rows = db.session.execute(
        select(_TASK.c.focus, _TASK.c.patient_id, _TASK.c.content).where(
            _TASK.c.managed,
            ~_TASK.c.deleted,
            _TASK.c.code == "triage",
            _TASK.c.business_status == TriageOutcome.DECLINED.value,
            _TASK.c.last_updated >= since,
            records.visible_to(actor, _TASK),
        )
    )
    found = []
    for focus, patient, content in rows:
        task = jsontext.loads(content)
        at = datetime.fromisoformat(task["executionPeriod"]["end"])
        if since <= at < until:
            codings = (task.get("statusReason") or {}).get("coding") or [{}]
            found.append(Declined(focus, f"Patient/{patient}", codings[0].get("code", ""), at))
    return found


def admissions(actor: Actor, since: datetime, until: datetime) -> list[Admission]:
    """Return when people came into hospital from ``since`` until 72 hours after ``until``."""
    rows = db.session.execute(
        select(_ENCOUNTER.c.id, _ENCOUNTER.c.patient_id, _ENCOUNTER.c.content).where(
            ~_ENCOUNTER.c.deleted,
            and_(_ENCOUNTER.c.d_date_lo >= since, _ENCOUNTER.c.d_date_lo <= until + WITHIN),
            records.visible_to(actor, _ENCOUNTER),
        )
    )
    found = []
    for record_id, patient, content in rows:
        encounter = jsontext.loads(content)
        start = (encounter.get("period") or {}).get("start", "")
        is_acute = (encounter.get("class") or {}).get("code") in _ACUTE
        if is_acute and encounter.get("status") not in _NOT_THERE and "T" in start:
            at = datetime.fromisoformat(start)
            found.append(Admission(f"Encounter/{record_id}", f"Patient/{patient}", at))
    return found
