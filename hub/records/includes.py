"""``_include`` and ``_revinclude``: what the matches refer to, and what refers to them.

References that have a column are joined in the statement of the search itself; the others are read
from the texts and fetched in one further statement a type.
"""

from collections.abc import Iterable, Iterator

from fhir import jsontext
from fhir.outcomes import UnprocessableError
from fhir.registry.search_parameters import SearchParameter, search_parameters
from fhir.registry.types import SUPPORTED_TYPES
from fhir.search import keys
from fhir.search.criteria import Include, ReferenceCriterion
from fhir.search.index import patient_column_parameters
from fhir.search.keys import hashed
from fhir.search.paths import compiled, local_reference, steps_of
from hub import db
from hub.domain.actor import Actor
from hub.records import access
from hub.records.content import in_content
from hub.records.criteria import Scope
from hub.records.criteria_keys import overlaps, promoted_columns
from hub.records.record import Record
from hub.records.sql import Sql, all_of, any_of

LARGEST_INCLUDED = 5000
"""Records that one page may bring along; more would hold up everybody else."""

_ROUNDS = 8
"""How often :iterate goes on: chains of records are short, loops are not followed."""

COLUMNS = ("id", "version", "content")
"""What ``Record.of_page`` is made of."""


def joined_column(include: Include, resource_type: str) -> tuple[str, str] | None:
    """Return (column, type) where an include can be joined in the statement of the search."""
    parameter = include.parameter
    if include.reverse or include.iterate or parameter is None or include.source != resource_type:
        return None
    if parameter.code in patient_column_parameters(resource_type):
        # The column holds Patients only: the whole include if nothing else is wanted.
        if "Patient" in {include.target, *_only(parameter)}:
            return "patient_id", "Patient"
        return None
    if column := promoted_columns(resource_type).get(parameter.code):
        wanted = include.target or next(iter(_only(parameter)), None)
        return (column, wanted) if wanted else None
    return None


def _only(parameter: SearchParameter) -> tuple[str, ...]:
    return parameter.targets if len(parameter.targets) == 1 else ()


def joined(scope: Scope, column: str, target: str) -> Sql:
    """Return the expression of the record that ``column`` of a row refers to, as one text."""
    there = scope.inner(target)
    where = there.where(())
    wanted, kind = f"{scope.alias}.{column}", ""
    if column != "patient_id":
        kind = f" AND starts_with({wanted}, '{target}/')"
        wanted = f"substr({wanted}, {len(target) + 2})"
    shown = " || ' ' || ".join(f"{there.alias}.{name}" for name in COLUMNS)
    return Sql(
        f"(SELECT {shown} FROM {there.table} {there.alias}"
        f" WHERE {there.alias}.id = {wanted}{kind} AND {where.text})",
        where.params,
    )


def read_joined(target: str, text: str) -> Record:
    """Read what ``joined`` made."""
    record_id, version, content = text.split(" ", 2)
    return Record.of_page(target, (record_id, int(version), content))


def included(
    actor: Actor, includes: Iterable[Include], matches: list[Record], already: Iterable[Record] = ()
) -> list[Record]:
    """Return what the includes bring along beside the matches, each record once."""
    wanted = tuple(includes)
    known = {record.reference for record in matches} | {record.reference for record in already}
    found: list[Record] = []
    fresh = [*matches, *already]
    plain = tuple(i for i in wanted if not i.iterate)
    chosen = wanted
    for _ in range(_ROUNDS):
        added = [
            record
            for include in chosen
            for record in _followed(actor, include, fresh if include.iterate else matches)
        ]
        fresh = []
        for record in added:
            if record.reference not in known:
                known.add(record.reference)
                fresh.append(record)
        found += fresh
        if len(found) > LARGEST_INCLUDED:
            raise UnprocessableError(
                f"the includes bring more than {LARGEST_INCLUDED} records: ask for fewer",
                code="too-costly",
            )
        chosen = tuple(i for i in wanted if i not in plain)
        if not fresh or not chosen:
            break
    return found


def _followed(actor: Actor, include: Include, records: list[Record]) -> Iterator[Record]:
    if include.reverse:
        yield from _referring(actor, include, records)
        return
    sources = [record for record in records if record.type == include.source]
    parameters = (
        (include.parameter,)
        if include.parameter
        else tuple(p for p in search_parameters(include.source).values() if p.kind == "reference")
    )
    references: dict[str, set[str]] = {}
    canonicals: set[str] = set()
    for record in sources:
        resource = jsontext.loads(record.text)
        for parameter in parameters:
            for path, _ in parameter.paths:
                for leaf in compiled(steps_of(path))(resource, resource):
                    if isinstance(leaf, str):
                        canonicals.add(leaf)
                        continue
                    target = leaf.get("reference") if isinstance(leaf, dict) else None
                    if target and (local := local_reference(target)) and target.startswith(local):
                        kind_of, _, record_id = local.partition("/")
                        references.setdefault(kind_of, set()).add(record_id)
    for target, ids in references.items():
        if target in SUPPORTED_TYPES and include.target in {None, target}:
            there = Scope(actor, target)
            yield from _fetched(there, Sql(f"{there.alias}.id = ANY(%s::text[])", (sorted(ids),)))
    if canonicals:
        yield from _defined(actor, include, parameters, canonicals)


def _defined(
    actor: Actor,
    include: Include,
    parameters: tuple[SearchParameter, ...],
    canonicals: set[str],
) -> Iterator[Record]:
    """Yield the definitions that canonical addresses name, of any version where none is named."""
    targets = {target for parameter in parameters for target in parameter.targets}
    addresses = {each.partition("|")[0] for each in canonicals}
    wanted = [hashed(keys.uri("url", address)) for address in sorted(addresses)]
    for target in sorted(targets):
        if "url" in search_parameters(target) and include.target in {None, target}:
            there = Scope(actor, target)
            for record in _fetched(there, overlaps(there, wanted)):
                if not canonicals.isdisjoint(_names(record)):
                    yield record


def _names(record: Record) -> tuple[str, ...]:
    """Return the canonical addresses that mean a definition."""
    url, version = record.get("url"), record.get("version")
    if not url:
        return ()
    return (url, f"{url}|{version}") if version else (url,)


def _referring(actor: Actor, include: Include, records: list[Record]) -> Iterator[Record]:
    there = Scope(actor, include.source)
    parameters = (
        (include.parameter,)
        if include.parameter
        else tuple(p for p in search_parameters(include.source).values() if p.kind == "reference")
    )
    wanted = [record for record in records if include.target in {None, record.type}]
    types = {record.type for record in wanted}
    references = tuple(record.reference for record in wanted)
    found = []
    for parameter in parameters:
        if types.isdisjoint(parameter.targets):
            continue
        if "canonical" not in parameter.types:
            found.append(there.condition(ReferenceCriterion(parameter, references)))
        elif names := [name for record in wanted for name in _names(record)]:
            # The key of an address finds all its versions: the text tells which one is meant.
            of_any = there.condition(ReferenceCriterion(parameter, tuple(names)))
            meant = in_content(there, parameter, "v = ANY(%s::text[])", (names,))
            found.append(all_of([of_any, meant]))
    if found:
        yield from _fetched(there, any_of(found))


def _fetched(scope: Scope, condition: Sql) -> list[Record]:
    """Return the records that meet a condition, if the actor may read the type at all."""
    if not access.allows(scope.actor, "read", scope.type):
        return []
    where = all_of([condition, scope.where(())])
    columns = ", ".join(f"{scope.alias}.{name}" for name in COLUMNS)
    sql = (
        f"SELECT {columns} FROM {scope.table} {scope.alias} WHERE {where.text}"
        f" ORDER BY {scope.alias}.id LIMIT {LARGEST_INCLUDED + 1}"
    )
    return [Record.of_page(scope.type, row) for row in db.fetch(sql, where.params)]
