"""Choice that was offered at triage, and signposting that was done, with its date and outcome.

Kept on the triage Task (``Task.output``), whose ``executionPeriod.end`` is the date.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fhir.systems import CAREHUB
from hub.domain.errors import RuleError
from hub.services import definitions

OUTPUT = f"{CAREHUB}/CodeSystem/triage-output"
OUTCOMES = "choice-outcomes"
"""Code list of the hub definition."""
LONGEST = 500
_OUTCOME, _OPTIONS, _SIGNPOSTED = "choice", "choice-options", "signposted"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the person was offered and told."""

    outcome: str = ""
    """Code of the list ``choice-outcomes``; empty: nothing is said of choice."""
    options: str = ""
    """What was offered, in words."""
    signposted: str = ""
    """To what else the person was pointed, in words."""


def keep(task: dict[str, Any], choice: Choice) -> None:
    """Put it on a triage Task. Raises RuleError for a code that is none of the list."""
    listed = definitions.current().code_lists.get(OUTCOMES)
    said: list[dict[str, Any]] = []
    if choice.outcome:
        allowed = listed.codes if listed else ()
        if choice.outcome not in allowed:
            raise RuleError("choose what came of the choice", field="choice", allowed=allowed)
        assert listed is not None
        coding = {
            "system": f"{CAREHUB}/CodeSystem/{OUTCOMES}",
            "code": choice.outcome,
            "display": listed.display(choice.outcome),
        }
        said.append(_entry(_OUTCOME, valueCodeableConcept={"coding": [coding]}))
    for kind, text in ((_OPTIONS, choice.options), (_SIGNPOSTED, choice.signposted)):
        if len(text) > LONGEST:
            raise RuleError(f"use no more than {LONGEST} characters", field=kind)
        if text.strip():
            said.append(_entry(kind, valueString=text.strip()))
    if said:
        task["output"] = [*(task.get("output") or ()), *said]


def read(task: Mapping[str, Any]) -> Choice | None:
    """Return what stands on a triage Task; None where nothing was said."""
    said: dict[str, str] = {}
    for each in task.get("output") or ():
        for coding in (each.get("type") or {}).get("coding") or ():
            if coding.get("system") == OUTPUT:
                concept = (each.get("valueCodeableConcept") or {}).get("coding") or [{}]
                said[coding["code"]] = each.get("valueString") or concept[0].get("code", "")
    if not said:
        return None
    return Choice(said.get(_OUTCOME, ""), said.get(_OPTIONS, ""), said.get(_SIGNPOSTED, ""))


def _entry(kind: str, **value: Any) -> dict[str, Any]:
    return {"type": {"coding": [{"system": OUTPUT, "code": kind}]}, **value}
