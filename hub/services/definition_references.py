"""Codes of a hub definition that name nothing: each is told with what would be allowed."""

from collections.abc import Collection, Iterable, Iterator

from hub.domain.definition import HubDefinition
from hub.domain.rota_patterns import weekly_hours
from hub.domain.transport import NEEDS

OWN_LISTS = frozenset({"services", "priorities", "roles", "teams", "areas"})
"""Choices of a form that are sections of the definition, not code lists."""


def dangling(hub: HubDefinition) -> Iterator[tuple[str, str]]:
    """Yield (section, problem) for every code that names nothing."""
    yield from _organisations(hub)
    yield from _teams(hub)
    yield from _journeys(hub)
    yield from _services(hub)
    yield from _staff(hub)
    yield from _cover(hub)
    yield from _door(hub)
    yield from _rest(hub)


def _organisations(hub: HubDefinition) -> Iterator[tuple[str, str]]:
    kinds = hub.code_lists["organisation-kinds"].codes if _has(hub, "organisation-kinds") else ()
    for each in hub.organisations.values():
        at = f"organisations.{each.code}"
        yield from _known("organisations", f"{at}.part_of", [each.part_of], hub.organisations)
        yield from _known("organisations", f"{at}.area", [each.area], hub.areas)
        if kinds:
            yield from _known("organisations", f"{at}.kind", [each.kind], kinds)
    for section in ("gp_hub", "hub_organisation"):
        yield from _known(section, section, [getattr(hub, section)], hub.organisations)


def _teams(hub: HubDefinition) -> Iterator[tuple[str, str]]:
    for each in hub.teams.values():
        at = f"teams.{each.code}"
        yield from _known("teams", f"{at}.organisation", [each.organisation], hub.organisations)
        yield from _known("teams", f"{at}.calendar", [each.calendar], hub.calendars)
        yield from _known("teams", f"{at}.lead", [each.lead], hub.staff)
        yield from _known("teams", f"{at}.duty_manager", [each.duty_manager], hub.staff)
        yield from _known("teams", f"{at}.neighbours", each.neighbours, hub.teams)
        yield from _known("teams", f"{at}.desk", [each.desk], hub.teams)
        yield from _known("teams", f"{at}.areas", each.areas, hub.areas)


def _journeys(hub: HubDefinition) -> Iterator[tuple[str, str]]:
    for each in hub.travel.values():
        yield from _known("travel", f"travel.{each.code}", [each.start, each.end], hub.areas)


def _services(hub: HubDefinition) -> Iterator[tuple[str, str]]:
    skills = hub.code_lists["skills"].codes if _has(hub, "skills") else ()
    for each in hub.services.values():
        at = f"services.{each.code}"
        parties = (each.performing, each.accountable)
        yield from _known("services", f"{at}.performing", parties, hub.organisations)
        yield from _known("services", f"{at}.team", [each.team], hub.teams)
        yield from _known("services", f"{at}.calendar", [each.calendar], hub.calendars)
        yield from _known("services", f"{at}.clock", [each.clock, each.urgent_clock], hub.clocks)
        yield from _known("services", f"{at}.roles", each.roles, hub.roles)
        yield from _known("services", f"{at}.skills", each.skills, skills)
        yield from _known("services", f"{at}.areas", each.areas, hub.areas)
        yield from _known("services", f"{at}.neighbours", each.neighbours, hub.services)
        policies = hub.escalation_policies
        yield from _known("services", f"{at}.escalation", [each.escalation], policies)
        yield from _known("services", f"{at}.messages_to", [each.messages_to], hub.clients)


def _staff(hub: HubDefinition) -> Iterator[tuple[str, str]]:
    skills = hub.code_lists["skills"].codes if _has(hub, "skills") else ()
    for each in hub.staff.values():
        at = f"staff.{each.username}"
        yield from _known("staff", f"{at}.role", [each.role], hub.roles)
        yield from _known("staff", f"{at}.organisation", [each.organisation], hub.organisations)
        yield from _known("staff", f"{at}.teams", each.teams, hub.teams)
        yield from _known("staff", f"{at}.rota", [each.rota], hub.rota_patterns)
        yield from _known("staff", f"{at}.deputy", [each.deputy], hub.staff)
        yield from _known("staff", f"{at}.areas", each.areas, hub.areas)
        yield from _known("staff", f"{at}.rounds", each.rounds, hub.organisations)
        yield from _known("staff", f"{at}.skills", each.skills, skills)
    for pattern in hub.rota_patterns.values():
        shifts = [day for week in pattern.weeks for day in week]
        at = f"rota_patterns.{pattern.code}.weeks"
        yield from _known("rota_patterns", at, shifts, hub.shift_times)
    yield from _contracts(hub)


def _contracts(hub: HubDefinition) -> Iterator[tuple[str, str]]:
    """A pattern that plans more than a contract pays is found now, not after a year of it."""
    for each in hub.staff.values():
        pattern = hub.rota_patterns.get(each.rota)
        if each.contracted_hours is None or pattern is None:
            continue
        if any(code and code not in hub.shift_times for week in pattern.weeks for code in week):
            continue
        hours = weekly_hours(each, pattern, hub.shift_times)
        if hours > each.contracted_hours:
            yield (
                "staff",
                f"staff.{each.username}.contracted_hours: {pattern.code} plans {hours:.1f} hours a"
                f" week, the contract has {each.contracted_hours:.1f}",
            )


def _cover(hub: HubDefinition) -> Iterator[tuple[str, str]]:
    skills = hub.code_lists["skills"].codes if _has(hub, "skills") else ()
    for each in hub.cover_needs.values():
        at = f"cover_needs.{each.code}"
        yield from _known("cover_needs", f"{at}.team", [each.team], hub.teams)
        yield from _known("cover_needs", f"{at}.service", [each.service], hub.services)
        yield from _known("cover_needs", f"{at}.roles", each.roles, hub.roles)
        yield from _known("cover_needs", f"{at}.skills", each.skills, skills)
        yield from _known("cover_needs", f"{at}.calendar", [each.calendar], hub.calendars)


def _door(hub: HubDefinition) -> Iterator[tuple[str, str]]:
    spor = hub.spor
    yield from _known("spor", "spor.team", [spor.team, spor.out_of_hours_desk], hub.teams)
    yield from _known("spor", "spor.calendar", [spor.calendar], hub.calendars)
    yield from _known("spor", "spor.triage_clocks", spor.triage_clocks.values(), hub.clocks)
    for offer in ("default_offer", "falls_service", "carers_service"):
        yield from _known("spor", f"spor.{offer}", [getattr(spor, offer)], hub.services)
    read = hub.discharge
    teams = (read.team or None, *read.practice_teams.values())
    yield from _known("discharge", "discharge.team", teams, hub.teams)
    yield from _known(
        "discharge", "discharge.practice_teams", read.practice_teams, hub.organisations
    )
    yield from _known("discharge", "discharge.clock", [read.clock, read.urgent_clock], hub.clocks)
    yield from _transport(hub)
    sources = hub.code_lists["referral-sources"].codes if _has(hub, "referral-sources") else ()
    for counted in hub.frequent:
        at = f"frequent.{counted.code}.sources"
        yield from _known("frequent", at, counted.sources, sources)
    for rule in hub.routing_rules:
        at = f"routing_rules.{rule.code}"
        yield from _known("routing_rules", f"{at}.services", rule.services, hub.services)
        yield from _known("routing_rules", f"{at}.to_service", [rule.to_service], hub.services)
        yield from _known("routing_rules", f"{at}.task_clock", [rule.task_clock], hub.clocks)
        reasons = f"{rule.outcome}-reasons"
        if _has(hub, reasons):
            listed = hub.code_lists[reasons].codes
            yield from _known("routing_rules", f"{at}.reason", [rule.reason], listed)


def _transport(hub: HubDefinition) -> Iterator[tuple[str, str]]:
    asked = hub.transport
    if not asked.criteria:
        return
    clocks = [asked.clock, asked.urgent_clock]
    yield from _known("transport", "transport.team", [asked.team], hub.teams)
    yield from _known("transport", "transport.clock", clocks, hub.clocks)
    needs = hub.code_lists[NEEDS].codes if _has(hub, NEEDS) else ()
    for each in asked.criteria:
        yield from _known("transport", f"transport.{each.code}.needs", each.needs, needs)


def _rest(hub: HubDefinition) -> Iterator[tuple[str, str]]:
    for client in hub.clients.values():
        at = f"clients.{client.code}.organisation"
        yield from _known("clients", at, [client.organisation], hub.organisations)
    for told in hub.subscribers.values():
        at = f"subscribers.{told.code}.client"
        yield from _known("subscribers", at, [told.client], hub.clients)
    for form in hub.forms.values():
        for each in form.fields:
            at = f"forms.{form.code}.{each.name}.choices"
            yield from _known("forms", at, [each.choices], OWN_LISTS | set(hub.code_lists))


def _known(
    section: str, at: str, used: Iterable[str | None], known: Collection[str]
) -> Iterator[tuple[str, str]]:
    for code in dict.fromkeys(used):
        if code is not None and code not in known:
            allowed = ", ".join(sorted(known)) or "nothing yet"
            yield section, f"{at}: {code} names nothing; allowed: {allowed}"


def _has(hub: HubDefinition, code: str) -> bool:
    return code in hub.code_lists
