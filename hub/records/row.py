"""A version of a record as the rows it becomes: promoted columns, hashed keys, strings, dates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from fhir.search.index import IndexEntries, QuantityRange, index, patients
from fhir.search.keys import hashed
from fhir.search.paths import without_version
from hub.records.promoted import PROMOTED, Promoted
from hub.records.record import is_managed
from hub.records.relationships import compartments, relationships
from hub.records.tables import date_columns

BEGINNING = datetime.min.replace(tzinfo=UTC)
END = datetime.max.replace(tzinfo=UTC)
"""What an open end of a period is stored as, so that SQL compares plainly."""


PERSONAL = frozenset(
    {
        "AllergyIntolerance",
        "Appointment",
        "Binary",
        "CarePlan",
        "ClinicalImpression",
        "Communication",
        "CommunicationRequest",
        "Composition",
        "Condition",
        "Consent",
        "DiagnosticReport",
        "DocumentReference",
        "Encounter",
        "EpisodeOfCare",
        "Flag",
        "Goal",
        "Immunization",
        "MedicationRequest",
        "MedicationStatement",
        "Observation",
        "Person",
        "Procedure",
        "QuestionnaireResponse",
        "RelatedPerson",
        "RiskAssessment",
        "ServiceRequest",
    }
)
"""Types whose records are about a person, whether or not they say whom in our own terms."""

NOBODY_HERE = "-"
"""``patient_id`` of a personal record whose person is not one of this hub's Patients (named by an
absolute address, an identifier or not at all): nobody has a relationship with it, so people do
not see it; systems do, by their scopes."""


@dataclass(slots=True)
class Row:
    """What is stored of one version, beside its text."""

    patient_id: str | None
    managed: bool
    idx: list[int]
    scalars: dict[str, Any]
    """Promoted and date columns by name; every column of the type is present."""
    strings: set[tuple[str, str]]
    dates: set[tuple[str, datetime, datetime]]
    quantities: set[tuple[str, Decimal, Decimal, str, str]]
    """(parameter, low, high, unit, companion keys as an array literal)."""
    present: int
    """Bit set of the parameters that have a value."""
    relationships: set[tuple[str, str, str]]
    """(patient id, party, basis)."""


EMPTY = Row(
    patient_id=None,
    managed=False,
    idx=[],
    scalars={},
    strings=set(),
    dates=set(),
    quantities=set(),
    present=0,
    relationships=set(),
)
"""What a deleted version is found by: nothing."""


def row_of(resource: dict[str, Any]) -> Row:
    """Derive the rows of a valid resource."""
    resource_type = resource["resourceType"]
    entries = index(resource, without=_exact(resource_type))
    scalars: dict[str, Any] = dict.fromkeys(scalar_columns(resource_type))
    for promoted in PROMOTED.get(resource_type, ()):
        if promoted.path[0] in resource:
            scalars[promoted.column] = _promoted_value(resource, promoted)
    dates = _dates(resource_type, entries, scalars)
    patient_id = _patient_id(resource, entries.patient)
    return Row(
        patient_id=patient_id,
        managed=is_managed(resource),
        idx=list({hashed(key) for key in entries.keys}),
        scalars=scalars,
        strings=set(entries.strings),
        dates=dates,
        quantities={_quantity(each) for each in entries.quantities},
        present=entries.present,
        relationships=_related(resource, patient_id, entries.others),
    )


def _dates(
    resource_type: str, entries: IndexEntries, scalars: dict[str, Any]
) -> set[tuple[str, datetime, datetime]]:
    """Return the rows of dates, and put into ``scalars`` those that have columns."""
    columns = date_columns(resource_type)
    dates: set[tuple[str, datetime, datetime]] = set()
    for code, ranges in entries.dates.items():
        bounded = [(low or BEGINNING, high or END) for low, high in ranges]
        stem = columns.get(code)
        if stem and bounded:
            scalars[f"{stem}_lo"], scalars[f"{stem}_hi"] = bounded[0]
        else:
            dates.update((code, low, high) for low, high in bounded)
    return dates


def _patient_id(resource: dict[str, Any], found: str | None) -> str | None:
    if found is None and resource["resourceType"] in PERSONAL:
        return NOBODY_HERE
    return found


def _related(
    resource: dict[str, Any], patient_id: str | None, others: Sequence[str]
) -> set[tuple[str, str, str]]:
    found = relationships(resource, patient_id)
    return found | compartments(others) if others else found


def rows_apart(before: dict[str, Any], after: dict[str, Any], row: Row) -> tuple[Row, Row]:
    """Return what two versions are found by, without the rows that both have for sure.

    ``row`` is that of ``after``; of its sets only strings, dates, quantities and relationships
    are meant. Each string, date and quantity comes from one top-level element alone (with the
    other half of its composite, if it has one): elements that did not change are not looked at.
    """
    if not after:
        return row_of(before), row
    names = before.keys() | after.keys()
    differing = {n for n in names if n not in _WITHOUT_ROWS and before.get(n) != after.get(n)}
    old, new = (_rows_of(value, differing) for value in (before, after))
    # Of all elements: who a record relates to its person depends on the tag in meta too.
    people = patients(before)
    first = _patient_id(before, people[0] if people else None)
    old.relationships = _related(before, first, people[1:])
    new.relationships = row.relationships
    return old, new


_WITHOUT_ROWS = frozenset({"id", "meta"})
"""Elements that have no string, date or quantity: keys and columns find them."""


def _rows_of(resource: dict[str, Any], names: set[str]) -> Row:
    """Return the strings, dates and quantities of some elements, and nothing else."""
    if not names:
        return replace(EMPTY)
    resource_type = resource["resourceType"]
    part = {name: value for name, value in resource.items() if name in names}
    entries = index({"resourceType": resource_type, **part}, without=_exact(resource_type))
    return replace(
        EMPTY,
        strings=set(entries.strings),
        dates=_dates(resource_type, entries, {}),
        quantities={_quantity(each) for each in entries.quantities},
    )


def _quantity(found: QuantityRange) -> tuple[str, Decimal, Decimal, str, str]:
    companion = ",".join(str(hashed(key)) for key in sorted(found.companion))
    return found.parameter, found.lo, found.hi, found.unit, f"{{{companion}}}"


@cache
def _exact(resource_type: str) -> frozenset[str]:
    """Return the parameters that a promoted column answers: they need no keys."""
    return frozenset(p.parameter for p in PROMOTED.get(resource_type, ()) if p.parameter)


@cache
def scalar_columns(resource_type: str) -> tuple[str, ...]:
    """Return the promoted and date columns of a type, in the order of its table."""
    promoted = tuple(p.column for p in PROMOTED.get(resource_type, ()))
    stems = date_columns(resource_type).values()
    return promoted + tuple(f"{stem}_{end}" for stem in stems for end in ("lo", "hi"))


def _promoted_value(resource: dict[str, Any], promoted: Promoted) -> Any:
    node: Any = resource
    for name in promoted.path:
        if isinstance(node, list):
            node = node[0] if node else None
        if not isinstance(node, dict):
            return None
        node = node.get(name)
    if isinstance(node, list):
        node = node[0] if node else None
    if not isinstance(node, str):
        return None
    if promoted.kind == "instant":
        return _instant(node)
    # A search compares references without their version.
    return without_version(node) if promoted.path[-1] == "reference" else node


def _instant(text: str) -> datetime | None:
    """Read a dateTime as one instant; a date without a time stands for its last moment, UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if "T" not in text:
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
