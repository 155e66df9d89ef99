"""A hub definition read from its files: errors name the file, the field and what is allowed."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import holidays
import yaml
from marshmallow import ValidationError

from hub.domain.definition import HubDefinition
from hub.domain.errors import RuleError
from hub.services import definition_schemas as schemas
from hub.services.definition_references import dangling

LISTS: Mapping[str, type[schemas.Entry]] = {
    "organisations": schemas.OrganisationSchema,
    "areas": schemas.AreaSchema,
    "travel": schemas.JourneySchema,
    "roles": schemas.RoleSchema,
    "calendars": schemas.CalendarSchema,
    "clocks": schemas.ClockSchema,
    "escalation_policies": schemas.EscalationPolicySchema,
    "teams": schemas.TeamSchema,
    "services": schemas.ServiceSchema,
    "shift_times": schemas.ShiftTimeSchema,
    "rota_patterns": schemas.RotaPatternSchema,
    "staff": schemas.StaffSchema,
    "routing_rules": schemas.RoutingRuleSchema,
    "red_flags": schemas.RedFlagSchema,
    "frequent": schemas.FrequentRuleSchema,
    "code_lists": schemas.CodeListSchema,
    "forms": schemas.FormSchema,
    "plan_sections": schemas.PlanSectionSchema,
    "clients": schemas.ClientSchema,
    "subscribers": schemas.SubscriberSchema,
    "cover_needs": schemas.CoverNeedSchema,
}
"""Sections that are lists of entries with a code (staff: a username)."""
SEQUENCES = ("routing_rules", "plan_sections", "red_flags", "frequent")
"""Lists whose order means something: kept as tuples."""
SINGLE: Mapping[str, type[schemas.Entry]] = {
    "spor": schemas.SporSchema,
    "routing": schemas.RoutingPolicySchema,
    "handover": schemas.HandoverSchema,
    "stuck": schemas.StuckSchema,
    "work": schemas.WorkPolicySchema,
    "discharge": schemas.DischargeSchema,
    "transport": schemas.TransportSchema,
}
NUMBERS = ("review_days", "task_minutes", "task_points")
TEXTS = ("code", "name", "version", "time_zone", "gp_hub", "hub_organisation")
OPTIONAL = frozenset(
    {
        "cover_needs",
        "discharge",
        "frequent",
        "handover",
        "red_flags",
        "stuck",
        "task_points",
        "transport",
        "travel",
        "work",
    }
)
"""Sections that came later: a definition without one works as before."""
SECTIONS = frozenset({*LISTS, *SINGLE, *NUMBERS, *TEXTS, "population"})


class DefinitionError(RuleError):
    """The files do not describe a hub. ``problems`` has one line each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("the hub definition is wrong:\n  " + "\n  ".join(self.problems))


@dataclass(frozen=True, slots=True)
class Files:
    """What the files say, as one JSON object, and which file says it."""

    content: dict[str, Any]
    places: Mapping[str, str] = field(default_factory=dict)

    def place(self, section: str) -> str:
        return self.places.get(section, "definition")


def read(folder: Path) -> Files:
    """Read every YAML and JSON file of a folder; each section stands in one file only."""
    content: dict[str, Any] = {}
    places: dict[str, str] = {}
    problems = []
    paths = sorted(path for path in folder.glob("*") if path.suffix in {".yaml", ".yml", ".json"})
    if not paths:
        raise DefinitionError([f"{folder.name}: no YAML or JSON file is here"])
    for path in paths:
        try:
            # libyaml: ten times as fast as the loader written in Python.
            said = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        except (yaml.YAMLError, UnicodeDecodeError) as fault:
            problems.append(f"{path.name}: cannot be read: {_one_line(fault)}")
            continue
        if not isinstance(said, dict):
            problems.append(f"{path.name}: is not a mapping of sections")
            continue
        for section, value in said.items():
            if section not in SECTIONS:
                allowed = ", ".join(sorted(SECTIONS))
                problems.append(f"{path.name}: {section}: unknown section; allowed: {allowed}")
            elif section in places:
                problems.append(f"{path.name}: {section}: stands in {places[section]} already")
            else:
                places[section] = path.name
                content[section] = value
    if problems:
        raise DefinitionError(problems)
    # Dates become text here, so that what is stored and what is checked are the same thing.
    return Files(plain(content), places)


def plain(content: Any) -> Any:
    """Return what YAML said as JSON says it."""
    return json.loads(json.dumps(content, default=_plain))


def build(files: Files) -> HubDefinition:
    """Check what the files say and make the definition, or raise with every problem found."""
    parts: dict[str, Any] = {}
    missing = SECTIONS - OPTIONAL - set(files.content)
    problems = [f"{section}: is missing" for section in sorted(missing)]
    for section, said in files.content.items():
        try:
            parts[section] = _section(section, said)
        except ValidationError as refusal:
            where = files.place(section)
            problems += [f"{where}: {section}{path}: {text}" for path, text in _told(refusal)]
    if not problems:
        problems = _repeated(files)
    if problems:
        raise DefinitionError(problems)
    made = _made(parts)
    problems = [f"{files.place(section)}: {text}" for section, text in dangling(made)]
    if problems:
        raise DefinitionError(problems)
    return made


def part(section: str, said: Any) -> Any:
    """Check one section on its own, or raise with every problem found."""
    try:
        return _section(section, said)
    except ValidationError as refusal:
        raise DefinitionError(f"{section}{path}: {text}" for path, text in _told(refusal)) from (
            refusal
        )


def _section(section: str, said: Any) -> Any:
    if section in LISTS:
        if not isinstance(said, list):
            raise ValidationError("is not a list")
        entries = _entries(LISTS[section](), said)
        if section in SEQUENCES:
            return tuple(entries)
        return {_code(entry): entry for entry in entries}
    if section in SINGLE:
        return SINGLE[section]().load(said)
    if section in NUMBERS:
        if not isinstance(said, dict) or any(
            not isinstance(number, int) or number < 1 for number in said.values()
        ):
            raise ValidationError("is not a mapping of codes to whole numbers from 1")
        return said
    wanted = int if section == "population" else str
    if not isinstance(said, wanted) or not said:
        raise ValidationError("is not a number" if wanted is int else "is not text")
    return said


def _entries(schema: schemas.Entry, said: list[Any]) -> list[Any]:
    # One by one: with many=True a rule's refusal would lose the number of its entry.
    made, refused = [], {}
    for number, entry in enumerate(said):
        try:
            made.append(schema.load(entry))
        except ValidationError as refusal:
            refused[number] = refusal.messages
    if refused:
        raise ValidationError(refused)
    return made


def _made(parts: dict[str, Any]) -> HubDefinition:
    closed = bank_holidays()
    parts["calendars"] = {
        code: replace(each, bank_holidays=closed | each.bank_holidays, time_zone=parts["time_zone"])
        for code, each in parts["calendars"].items()
    }
    parts["plan_sections"] = tuple(
        replace(each, order=number) for number, each in enumerate(parts["plan_sections"], 1)
    )
    return HubDefinition(**parts, bank_holidays=closed)


@lru_cache(maxsize=1)
def bank_holidays() -> frozenset[date]:
    """Return the bank holidays of England, substitutes included, for the years a hub plans in."""
    return frozenset(holidays.country_holidays("GB", subdiv="ENG", years=range(2020, 2041)))


def _repeated(files: Files) -> list[str]:
    found = []
    for section in LISTS:
        seen: set[str] = set()
        for entry in files.content.get(section, ()):
            code = entry.get("code") or entry.get("username")
            if code in seen:
                found.append(f"{files.place(section)}: {section}: {code} stands twice")
            seen.add(code)
    return found


def _told(refusal: ValidationError) -> Iterator[tuple[str, str]]:
    yield from _walk("", refusal.messages)


def _walk(path: str, said: Any) -> Iterator[tuple[str, str]]:
    if isinstance(said, dict):
        for key, value in said.items():
            if key == "_schema":
                yield from _walk(path, value)
            else:
                yield from _walk(
                    f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}", value
                )
    elif isinstance(said, list):
        for each in said:
            yield from _walk(path, each)
    else:
        yield path, str(said).rstrip(".")


def _code(entry: Any) -> str:
    code: str = entry.username if hasattr(entry, "username") else entry.code
    return code


def _plain(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{value!r} has no place in a definition")


def _one_line(fault: Exception) -> str:
    return " ".join(str(fault).split())
