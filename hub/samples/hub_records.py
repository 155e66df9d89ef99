"""The hub's own records, from its definition: organisations, places, services, staff, teams."""

from collections.abc import Iterator, Mapping
from typing import Any

from fhir import systems
from hub.domain.calendars import Calendar
from hub.domain.definition import HubDefinition, Organisation, Service, Team
from hub.domain.staffing import StaffMember
from hub.samples.hub_messages import message_definitions

Resource = dict[str, Any]

_REGISTERS = {
    "gmc": "https://fhir.hl7.org.uk/Id/gmc-number",
    "nmc": "https://fhir.hl7.org.uk/Id/nmc-number",
    "hcpc": "https://fhir.hl7.org.uk/Id/hcpc-number",
    "swe": f"{systems.CAREHUB}/Id/social-work-england-number",
}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ORGANISATION_KIND = f"{systems.CAREHUB}/CodeSystem/organisation-kinds"
LANGUAGES = "urn:ietf:bcp:47"


def records_of(definition: HubDefinition) -> Iterator[Resource]:
    """Yield every record that the definition stands for, each under its fixed id."""
    for organisation in definition.organisations.values():
        yield _organisation(organisation)
        if organisation.postcode:
            yield _location(organisation)
    for service in definition.services.values():
        yield _service(service, definition)
    for person in definition.staff.values():
        yield _practitioner(person, definition)
        yield _role(person, definition)
    for team in definition.teams.values():
        yield _team(team, definition)
    yield from message_definitions(definition)


def _organisation(each: Organisation) -> Resource:
    made: Resource = {
        "resourceType": "Organization",
        "id": each.code,
        "identifier": [{"system": systems.ODS_ORGANIZATION, "value": each.ods_code}],
        "active": True,
        "type": [{"coding": [{"system": ORGANISATION_KIND, "code": each.kind}]}],
        "name": each.name,
    }
    if each.phone:
        made["telecom"] = [{"system": "phone", "value": each.phone, "use": "work"}]
    if each.postcode:
        made["address"] = [{"use": "work", "city": "Southend-on-Sea", "postalCode": each.postcode}]
    if each.part_of:
        made["partOf"] = {"reference": f"Organization/{each.part_of}"}
    return made


def _location(each: Organisation) -> Resource:
    return {
        "resourceType": "Location",
        "id": each.code,
        "status": "active",
        "mode": "instance",
        "name": each.name,
        "address": {"use": "work", "city": "Southend-on-Sea", "postalCode": each.postcode},
        "managingOrganization": {"reference": f"Organization/{each.code}"},
    }


def _service(each: Service, hub: HubDefinition) -> Resource:
    made: Resource = {
        "resourceType": "HealthcareService",
        "id": each.code,
        "extension": [
            {
                "url": systems.ACCOUNTABLE_ORGANIZATION,
                "valueReference": _party(hub, each.accountable),
            }
        ],
        "active": True,
        "providedBy": _party(hub, each.performing),
        "type": [
            {"coding": [{"system": systems.SERVICE, "code": each.code, "display": each.name}]}
        ],
        "name": each.name,
        "comment": each.summary,
        "availableTime": _hours(hub.calendars[each.calendar]),
    }
    if each.dos_id:
        made["identifier"] = [{"system": systems.DOS_SERVICE, "value": each.dos_id}]
    ages = _ages(each)
    if ages:
        made["eligibility"] = [{"comment": ages}]
    return made


def _ages(each: Service) -> str:
    if each.minimum_age and each.maximum_age:
        return f"People from {each.minimum_age} to {each.maximum_age}"
    if each.minimum_age:
        return f"People of {each.minimum_age} and over"
    if each.maximum_age:
        return f"Everybody up to {each.maximum_age}"
    return ""


def _hours(calendar: Calendar) -> list[Resource]:
    by_opening: dict[tuple[str, str], list[str]] = {}
    for day, openings in zip(_DAYS, calendar.weekly, strict=True):
        for opening in openings:
            hours = (opening.opens.isoformat(), opening.closes.isoformat())
            by_opening.setdefault(hours, []).append(day)
    return [
        {"daysOfWeek": days, "allDay": True}
        if hours == ("00:00:00", "00:00:00")
        else {
            "daysOfWeek": days,
            "availableStartTime": hours[0],
            "availableEndTime": hours[1],
        }
        for hours, days in by_opening.items()
    ]


def _practitioner(each: StaffMember, hub: HubDefinition) -> Resource:
    made: Resource = {
        "resourceType": "Practitioner",
        "id": each.username,
        "identifier": [{"system": systems.SDS_USER, "value": _sds_number(each, hub)}],
        "active": True,
        "name": [
            {"use": "official", "text": each.name, "family": each.family, "given": [each.given]}
        ],
        "telecom": [
            {"system": "phone", "value": each.phone, "use": "mobile"},
            {"system": "email", "value": f"{each.username}@example.org", "use": "work"},
        ],
        "gender": each.gender,
        "communication": [
            {"coding": [{"system": LANGUAGES, "code": language}]} for language in each.languages
        ],
    }
    if each.registration:
        register, number = each.registration.split("|")
        made["identifier"].append({"system": _REGISTERS[register], "value": number})
    return made


def _sds_number(each: StaffMember, hub: HubDefinition) -> str:
    return f"9990000{list(hub.staff).index(each.username):05d}"


def _role(each: StaffMember, hub: HubDefinition) -> Resource:
    role = hub.roles[each.role]
    coding = [{"system": systems.ROLE, "code": role.code, "display": role.name}]
    if role.sds_code:
        coding.append(
            {
                "system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-SDSJobRoleName",
                "code": role.sds_code,
            }
        )
    services = [one.code for one in hub.services.values() if one.team in each.teams]
    made: Resource = {
        "resourceType": "PractitionerRole",
        "id": each.username,
        "active": True,
        "practitioner": {"reference": f"Practitioner/{each.username}", "display": each.name},
        "organization": _party(hub, each.organisation),
        "code": [{"coding": coding, "text": role.name}],
        "telecom": [{"system": "phone", "value": each.phone, "use": "work"}],
    }
    if services:
        made["healthcareService"] = [{"reference": f"HealthcareService/{one}"} for one in services]
    return made


def _team(each: Team, hub: HubDefinition) -> Resource:
    return {
        "resourceType": "CareTeam",
        "id": each.code,
        "status": "active",
        "category": [
            {"coding": [{"system": f"{systems.CAREHUB}/CodeSystem/care-team", "code": "team"}]}
        ],
        "name": each.name,
        "participant": [
            {
                "role": [{"coding": [{"system": systems.ROLE, "code": person.role}]}],
                "member": {
                    "reference": f"Practitioner/{person.username}",
                    "display": person.name,
                },
            }
            for person in hub.members(each.code)
        ],
        "managingOrganization": [_party(hub, each.organisation)],
    }


def _party(hub: HubDefinition, code: str) -> Mapping[str, str]:
    return {"reference": f"Organization/{code}", "display": hub.organisations[code].name}
