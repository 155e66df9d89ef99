"""Names for references: staff, teams, services and organisations of this hub, without a query."""

from collections.abc import Iterable, Mapping
from typing import Any

from hub.domain.definition import HubDefinition
from hub.services import definitions


def name_of(element: Mapping[str, Any] | str | None) -> str:
    """Return the name behind a reference, or what the record itself calls it."""
    if not element:
        return ""
    if isinstance(element, str):
        return _known(element) or _plain(element)
    reference = str(element.get("reference", ""))
    return _known(reference) or str(element.get("display", "")) or _plain(reference)


def role_of(reference: str) -> str:
    """Return what a member of staff is, in words; empty for anybody else."""
    hub = definitions.current()
    kind, _, identity = reference.partition("/")
    if kind != "Practitioner" or identity not in hub.staff:
        return ""
    return hub.roles[hub.staff[identity].role].name


def phone_of(reference: str) -> str:
    hub = definitions.current()
    kind, _, identity = reference.partition("/")
    if kind == "Practitioner" and identity in hub.staff:
        return hub.staff[identity].phone
    if kind == "Organization" and identity in hub.organisations:
        return hub.organisations[identity].phone
    return ""


def employer_of(reference: str) -> str:
    hub = definitions.current()
    kind, _, identity = reference.partition("/")
    if kind != "Practitioner" or identity not in hub.staff:
        return ""
    return hub.organisations[hub.staff[identity].organisation].name


def words_of(code_list: str, code: str) -> str:
    """Return the words of a code of one of the hub's code lists; the code itself if unknown."""
    lists = definitions.current().code_lists
    return lists[code_list].display(code) if code_list in lists else code


def choices(code_list: str) -> list[tuple[str, str]]:
    """Return (code, words) of a code list, for a form."""
    return [
        (each.code, each.display) for each in definitions.current().code_lists[code_list].concepts
    ]


def services(*, in_bundle: bool) -> list[tuple[str, str]]:
    hub = definitions.current()
    return [(each.code, each.name) for each in hub.services.values() if each.in_bundle is in_bundle]


def colleagues(roles: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Return (reference, name and role) of staff, for handing work to somebody by name."""
    hub = definitions.current()
    wanted = frozenset(roles)
    found = [
        (f"Practitioner/{each.username}", f"{each.name}, {hub.roles[each.role].name}")
        for each in hub.staff.values()
        if not wanted or each.role in wanted
    ]
    return sorted(found, key=lambda each: each[1])


def teams() -> list[tuple[str, str]]:
    """Return (reference, name) of the hub's teams, for giving work to a pool."""
    hub = definitions.current()
    found = [(f"CareTeam/{each.code}", each.name) for each in hub.teams.values()]
    return sorted(found, key=lambda each: each[1])


def _known(reference: str) -> str:
    hub = definitions.current()
    kind, _, identity = reference.partition("/")
    return _LOOK_UP[kind](hub, identity) if kind in _LOOK_UP else ""


def _staff(hub: HubDefinition, identity: str) -> str:
    return hub.staff[identity].name if identity in hub.staff else ""


def _team(hub: HubDefinition, identity: str) -> str:
    return hub.teams[identity].name if identity in hub.teams else ""


def _service(hub: HubDefinition, identity: str) -> str:
    return hub.services[identity].name if identity in hub.services else ""


def _organisation(hub: HubDefinition, identity: str) -> str:
    return hub.organisations[identity].name if identity in hub.organisations else ""


_LOOK_UP = {
    "Practitioner": _staff,
    "CareTeam": _team,
    "HealthcareService": _service,
    "Organization": _organisation,
}


def _plain(reference: str) -> str:
    """Say something readable about a reference that nobody knows."""
    return {
        "Practitioner": "a professional of another organisation",
        "PractitionerRole": "a professional of another organisation",
        "Organization": "another organisation",
        "CareTeam": "a team",
        "Device": "a system",
    }.get(reference.partition("/")[0], "")
