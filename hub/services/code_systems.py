"""The hub's own code systems and value sets, made from its definition and its rules.

Each code list with a system of its own is a CodeSystem and the ValueSet of all its codes; a list of
codes from elsewhere (SNOMED CT, the NHS) is a ValueSet only.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fhir.systems import (
    BUSINESS_STATUS,
    CAREHUB,
    CONSENT_BASIS,
    PLAN_SECTION,
    ROLE,
    SERVICE,
    SNOMED_CT,
    STATUS_REASON,
    TASK_CODE,
)
from fhir.terminology import Listed
from hub.domain.definition import HubDefinition
from hub.domain.errors import StateError
from hub.domain.referral import Step, TriageOutcome
from hub.domain.register import (
    CPR_CODES,
    DEATH_WORDS,
    PREFERRED_WORDS,
    STAGE_CODES,
    ConsentBasis,
)
from hub.records.terminology import source
from hub.services import definitions

TASKS: Mapping[str, str] = {
    "triage": "Triage of a referral",
    "intervention": "Work for a person",
    "plan-review": "Review of a care plan",
    "vacancy": "Somebody must be named",
    "tracing": "Find out who a person is",
    "bereavement": "Bereavement care",
    "equipment-collection": "Collect equipment",
    "read-document": "Read what was sent",
    "send-on": "Send a referral on",
    "transport": "Book patient transport",
    "register-cpr-review": "Review a decision about resuscitation",
}
"""Kinds of task that the services open; rules of a hub's definition may name others."""

REASONS = (
    *("decline-reasons", "redirect-reasons", "withdrawal-reasons", "task-decline-reasons"),
    *("hold-reasons", "task-outcomes", "cancellation-reasons", "absence-reasons"),
)
"""Code lists whose codes stand in Task.statusReason and Task.output."""

_ROLE_LIST = "accountability-roles"

Words = Iterable[tuple[str, str]]


class _Latest:
    """What was made of the definition that is active; made again when another is."""

    def __init__(self) -> None:
        self._definition: HubDefinition | None = None
        self._made = Listed(())

    def of(self, definition: HubDefinition) -> Listed:
        # A process keeps the shape of a version: the same version is the same object.
        if definition is not self._definition:
            self._made = Listed(resources(definition))
            self._definition = definition
        return self._made


_latest = _Latest()


@source
def own() -> Listed:
    try:
        return _latest.of(definitions.current())
    except StateError:
        return Listed(())


def resources(hub: HubDefinition) -> list[dict[str, Any]]:
    """Return the CodeSystem and ValueSet resources of a hub."""
    made: list[dict[str, Any]] = []
    for each in hub.code_lists.values():
        words = [(concept.code, concept.display) for concept in each.concepts]
        if each.system.startswith(CAREHUB):
            made += _whole(hub, each.system, each.name, words)
        else:
            made.append(_chosen(hub, each.code, each.name, each.system, words))
    roles = [(role.code, role.name) for role in hub.roles.values()]
    roles += _of_lists(hub, (_ROLE_LIST,))
    steps = [(code.value, _words(code.value)) for code in (*Step, *TriageOutcome)]
    bases = [(basis.value, _words(basis.value)) for basis in ConsentBasis]
    services = [(service.code, service.name) for service in hub.services.values()]
    sections = [(section.code, section.title) for section in hub.plan_sections]
    for name, title, words in _register_lists():
        made.append(_chosen(hub, name, title, SNOMED_CT, words))
    made += _whole(hub, SERVICE, "Services", services)
    made += _whole(hub, ROLE, "Roles", roles)
    made += _whole(hub, PLAN_SECTION, "Sections of a care plan", sections)
    made += _whole(hub, BUSINESS_STATUS, "Steps of a referral", steps)
    made += _whole(hub, CONSENT_BASIS, "Why an entry may be shared", bases)
    reasons = _of_lists(hub, REASONS)
    made += _whole(hub, STATUS_REASON, "Reasons and outcomes of work", reasons, content="fragment")
    made += _whole(hub, TASK_CODE, "Kinds of work", TASKS.items(), content="fragment")
    return made


def _register_lists() -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Yield the lists of the end-of-life register, which are rules and not a hub's choice."""
    places = [(place.value, words) for place, words in PREFERRED_WORDS.items()]
    yield "register-preferred-place", "Preferred place of care and of death", places
    deaths = [(place.value, words) for place, words in DEATH_WORDS.items()]
    yield "register-place-of-death", "Place of death", deaths
    decisions = [(each.code, each.display) for each in CPR_CODES.values()]
    yield "register-cpr-decision", "Decision about resuscitation", decisions
    stages = [(each.code, each.display) for each in STAGE_CODES.values()]
    yield "register-stage", "Stage of need", stages


def _of_lists(hub: HubDefinition, names: Iterable[str]) -> list[tuple[str, str]]:
    return [
        (concept.code, concept.display)
        for name in names
        if name in hub.code_lists
        for concept in hub.code_lists[name].concepts
    ]


def _words(code: str) -> str:
    return code.replace("-", " ").capitalize()


def _whole(
    hub: HubDefinition, system: str, title: str, words: Words, *, content: str = "complete"
) -> list[dict[str, Any]]:
    """Return a code system and the value set of all its codes."""
    concepts = [{"code": code, "display": display} for code, display in dict(words).items()]
    name = system.rpartition("/")[2]
    value_set = f"{CAREHUB}/ValueSet/{name}"
    about = _about(hub, title)
    return [
        {
            "resourceType": "CodeSystem",
            "url": system,
            **about,
            "caseSensitive": True,
            "valueSet": value_set,
            "content": content,
            "concept": concepts,
        },
        {
            "resourceType": "ValueSet",
            "url": value_set,
            **about,
            "compose": {"include": [{"system": system}]},
        },
    ]


def _chosen(hub: HubDefinition, name: str, title: str, system: str, words: Words) -> dict[str, Any]:
    concepts = [{"code": code, "display": display} for code, display in words]
    return {
        "resourceType": "ValueSet",
        "url": f"{CAREHUB}/ValueSet/{name}",
        **_about(hub, title),
        "compose": {"include": [{"system": system, "concept": concepts}]},
    }


def _about(hub: HubDefinition, title: str) -> dict[str, Any]:
    return {"version": hub.version, "title": title, "status": "active", "publisher": hub.name}
