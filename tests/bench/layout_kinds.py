"""The three layouts that docs/adr/0001 compares: how each writes a resource and finds it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from fhir.search.index import IndexEntries, index
from fhir.search.keys import hashed, reference, token
from hub.records.ids import new_id
from hub.records.row import BEGINNING, END, Row, row_of
from hub.records.tables import TABLES, date_columns
from tests.bench.people import People

_NOW = datetime(2026, 1, 1, tzinfo=UTC)

Statement = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Sample:
    """One resource with everything a layout may want of it."""

    resource: dict[str, Any]
    text: str
    row: Row
    entries: IndexEntries

    @property
    def type(self) -> str:
        return str(self.resource["resourceType"])

    @property
    def id(self) -> str:
        return str(self.resource["id"])


def samples(people: int) -> Iterator[Sample]:
    """Yield the resources with ids, and references between them resolved."""
    made = People()
    for bundle in (made.staff(), *made.bundles(people)):
        names = {
            entry["fullUrl"]: f"{entry['resource']['resourceType']}/{new_id()}"
            for entry in bundle["entry"]
            if "fullUrl" in entry
        }
        for entry in bundle["entry"]:
            resource = entry["resource"]
            if "fullUrl" in entry:
                resource["id"] = names[entry["fullUrl"]].partition("/")[2]
            text = orjson.dumps(resource).decode()
            for urn, name in names.items():
                text = text.replace(urn, name)
            resource = orjson.loads(text)
            yield Sample(resource, text, row_of(resource), index(resource))


# Layouts -----------------------------------------------------------------------------------


def _shared_rows(sample: Sample) -> Iterator[Statement]:
    row = sample.row
    if row.strings:
        params, values = zip(*sorted(row.strings), strict=True)
        yield (
            "INSERT INTO fhir_string (type, param, value, id)"
            " SELECT %s, p, v, %s FROM unnest(%s::text[], %s::text[]) u(p, v)",
            (sample.type, sample.id, list(params), list(values)),
        )
    for code, low, high, unit, companion in row.quantities:
        yield (
            "INSERT INTO fhir_quantity (type, param, lo, hi, unit, companion, id)"
            " VALUES (%s, %s, %s, %s, %s, %s::bigint[], %s)",
            (sample.type, code, low, high, unit, companion, sample.id),
        )


def _own_table(sample: Sample, keys: list[Any], kind: str) -> Iterator[Statement]:
    table = TABLES[sample.type].name
    names = ["id", "version", "last_updated", "patient_id", "content", "idx", "present"]
    values = [sample.id, 1, _NOW, sample.row.patient_id, sample.text, keys, sample.row.present]
    names += sample.row.scalars
    values += sample.row.scalars.values()
    marks = ", ".join(f"%s::{kind}[]" if name == "idx" else "%s" for name in names)
    yield f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", tuple(values)
    yield from _shared_rows(sample)


def hashed_layout(sample: Sample) -> Iterator[Statement]:
    return _own_table(sample, sample.row.idx, "bigint")


def text_layout(sample: Sample) -> Iterator[Statement]:
    return _own_table(sample, sorted(sample.entries.keys), "text")


GENERIC = """
CREATE TABLE resource (type text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
  version int NOT NULL, last_updated timestamptz NOT NULL, deleted bool NOT NULL DEFAULT false,
  patient_id text COLLATE "C", content text NOT NULL, PRIMARY KEY (type, id));
CREATE INDEX ON resource (patient_id, type, id);
CREATE INDEX ON resource (type, last_updated, id);
CREATE TABLE index_token (type text COLLATE "C" NOT NULL, param text COLLATE "C" NOT NULL,
  system text COLLATE "C" NOT NULL, code text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL);
CREATE INDEX ON index_token (type, param, code, system, id);
CREATE INDEX ON index_token (id, param);
CREATE TABLE index_reference (type text COLLATE "C" NOT NULL, param text COLLATE "C" NOT NULL,
  target text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL);
CREATE INDEX ON index_reference (type, param, target, id);
CREATE INDEX ON index_reference (id, param);
CREATE TABLE index_string (type text COLLATE "C" NOT NULL, param text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL);
CREATE INDEX ON index_string (type, param, value, id);
CREATE INDEX ON index_string (id);
CREATE TABLE index_date (type text COLLATE "C" NOT NULL, param text COLLATE "C" NOT NULL,
  lo timestamptz NOT NULL, hi timestamptz NOT NULL, id text COLLATE "C" NOT NULL);
CREATE INDEX ON index_date (type, param, lo, id);
CREATE INDEX ON index_date (id, param, lo);
CREATE TABLE index_quantity (type text COLLATE "C" NOT NULL, param text COLLATE "C" NOT NULL,
  lo numeric NOT NULL, hi numeric NOT NULL, unit text NOT NULL, id text COLLATE "C" NOT NULL);
CREATE INDEX ON index_quantity (type, param, lo, id);
CREATE INDEX ON index_quantity (id);
"""


def generic_layout(sample: Sample) -> Iterator[Statement]:
    kind, record = sample.type, sample.id
    yield (
        "INSERT INTO resource (type, id, version, last_updated, patient_id, content)"
        " VALUES (%s, %s, 1, %s, %s, %s)",
        (kind, record, _NOW, sample.row.patient_id, sample.text),
    )
    whole = index(sample.resource)
    tokens, references = set(), set()
    exact = {tuple(k.split("\n")[::3]) for k in whole.keys if k.split("\n")[1] == "="}
    for key in whole.keys:
        parts = key.split("\n")
        if parts[1] == "=":
            tokens.add((parts[0], parts[2], parts[3]))
        elif parts[1] == "*" and (parts[0], parts[2]) not in exact:
            tokens.add((parts[0], "", parts[2]))
        elif parts[1] in {">", "~"}:
            references.add((parts[0], parts[2]))
    if sample.row.patient_id and kind != "Patient":
        references |= {
            (code, f"Patient/{sample.row.patient_id}") for code in ("patient", "subject")
        }
    rows: list[tuple[str, str, list[tuple[Any, ...]]]] = [
        ("index_token (type, id, param, system, code)", "text text text", sorted(tokens)),
        ("index_reference (type, id, param, target)", "text text", sorted(references)),
        ("index_string (type, id, param, value)", "text text", sorted(sample.row.strings)),
        (
            "index_date (type, id, param, lo, hi)",
            "text timestamptz timestamptz",
            [
                (code, low or BEGINNING, high or END)
                for code, ranges in whole.dates.items()
                for low, high in ranges
            ],
        ),
        (
            "index_quantity (type, id, param, lo, hi, unit)",
            "text numeric numeric text",
            [row[:4] for row in sorted(sample.row.quantities)],
        ),
    ]
    for target, kinds, values in rows:
        if values:
            marks = ", ".join(f"%s::{each}[]" for each in kinds.split())
            columns = [list(column) for column in zip(*values, strict=True)]
            yield (
                f"INSERT INTO {target} SELECT %s, %s, u.* FROM unnest({marks}) u",
                (kind, record, *columns),
            )


# Searches ----------------------------------------------------------------------------------


def own_searches(kind: str) -> dict[str, Callable[[Sample], Statement]]:
    key = hashed if kind == "bigint" else str
    born = date_columns("Patient")["birthdate"]
    authored = date_columns("Task")["authored-on"]

    def identifier(sample: Sample) -> Statement:
        found = sample.resource["identifier"][0]
        wanted = [key(token("identifier", found["system"], found["value"].lower()))]
        return (
            "SELECT id, version, content FROM fhir_patient t"
            f" WHERE idx @> %s::{kind}[] AND NOT deleted ORDER BY id LIMIT 21",
            (wanted,),
        )

    def family(sample: Sample) -> Statement:
        low, high = sample.row.scalars[f"{born}_lo"], sample.row.scalars[f"{born}_hi"]
        name = sample.resource["name"][0]["family"].lower()
        return (
            "SELECT id, version, content FROM fhir_patient t WHERE id IN (SELECT s.id FROM"
            " fhir_string s WHERE s.type = %s AND s.param = %s AND s.value >= %s AND s.value < %s)"
            f" AND {born}_lo >= %s AND {born}_lo < %s AND {born}_hi <= %s AND NOT deleted"
            " ORDER BY id LIMIT 21",
            ("Patient", "family", name, name + "\U0010ffff", low, high, high),
        )

    def worklist(sample: Sample) -> Statement:
        return (
            "SELECT id, version, content FROM fhir_task t WHERE owner = %s AND status = %s"
            f" AND NOT deleted ORDER BY {authored}_lo DESC NULLS LAST, id LIMIT 51",
            (sample.row.scalars["owner"], sample.row.scalars["status"]),
        )

    def encounter(sample: Sample) -> Statement:
        wanted = [key(reference("encounter", sample.resource["encounter"]["reference"]))]
        return (
            "SELECT id, version, content FROM fhir_task t"
            f" WHERE idx @> %s::{kind}[] AND NOT deleted ORDER BY id LIMIT 21",
            (wanted,),
        )

    return {
        "identifier": identifier,
        "family + birthdate": family,
        "worklist": worklist,
        "reference": encounter,
    }


def generic_searches() -> dict[str, Callable[[Sample], Statement]]:
    columns = "SELECT r.id, r.version, r.content FROM resource r"

    def identifier(sample: Sample) -> Statement:
        found = sample.resource["identifier"][0]
        return (
            f"{columns} WHERE r.type = 'Patient' AND NOT r.deleted AND r.id IN (SELECT i.id FROM"
            " index_token i WHERE i.type = 'Patient' AND i.param = 'identifier' AND i.code = %s"
            " AND i.system = %s) ORDER BY r.id LIMIT 21",
            (found["value"].lower(), found["system"]),
        )

    def family(sample: Sample) -> Statement:
        (low, high), *_ = sample.entries.dates["birthdate"]
        name = sample.resource["name"][0]["family"].lower()
        return (
            f"{columns} WHERE r.type = 'Patient' AND NOT r.deleted AND r.id IN (SELECT s.id FROM"
            " index_string s WHERE s.type = 'Patient' AND s.param = 'family' AND s.value >= %s"
            " AND s.value < %s) AND r.id IN (SELECT d.id FROM index_date d WHERE"
            " d.type = 'Patient' AND d.param = 'birthdate' AND d.lo >= %s AND d.lo < %s"
            " AND d.hi <= %s) ORDER BY r.id LIMIT 21",
            (name, name + "\U0010ffff", low, high, high),
        )

    def worklist(sample: Sample) -> Statement:
        return (
            f"{columns} JOIN index_date d ON d.id = r.id AND d.type = 'Task'"
            " AND d.param = 'authored-on' WHERE r.type = 'Task' AND NOT r.deleted AND r.id IN"
            " (SELECT o.id FROM index_reference o WHERE o.type = 'Task' AND o.param = 'owner'"
            " AND o.target = %s) AND r.id IN (SELECT s.id FROM index_token s WHERE"
            " s.type = 'Task' AND s.param = 'status' AND s.code = %s)"
            " ORDER BY d.lo DESC, r.id LIMIT 51",
            (sample.row.scalars["owner"], sample.row.scalars["status"]),
        )

    def encounter(sample: Sample) -> Statement:
        return (
            f"{columns} WHERE r.type = 'Task' AND NOT r.deleted AND r.id IN (SELECT i.id FROM"
            " index_reference i WHERE i.type = 'Task' AND i.param = 'encounter'"
            " AND i.target = %s) ORDER BY r.id LIMIT 21",
            (sample.resource["encounter"]["reference"],),
        )

    return {
        "identifier": identifier,
        "family + birthdate": family,
        "worklist": worklist,
        "reference": encounter,
    }
