"""Criteria of a Measure, asked of people's records as far as the actor may see them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fhir import jsontext
from fhir.bundle import parameters
from fhir.expressions import evaluate
from fhir.measures import INITIAL, Criterion, Group, Subject, place
from fhir.outcomes import UnprocessableError
from fhir.registry.search_parameters import patient_parameters
from fhir.registry.types import SUPPORTED_TYPES
from fhir.search.text import literal
from hub import records
from hub.domain.actor import Actor
from hub.queries.standing import is_replaced
from hub.records import Record, compartment

MOST_SUBJECTS = 5000
"""People whom one evaluation looks at: each is asked every criterion."""
_PAGE = 500

_placeholder = re.compile(r"\{\{(.*?)\}\}")
_RECORDS = "%records"


@dataclass(frozen=True, slots=True)
class Measuring:
    """One evaluation: who asks, for which period, when."""

    actor: Actor
    period: tuple[str, str]
    at: datetime

    def subjects(self, groups: tuple[Group, ...], practitioner: str | None) -> list[Record]:
        """Return the people to look at: everybody, or those whom the first criterion finds."""
        query = [("general-practitioner", practitioner)] if practitioner else []
        if len(groups) == 1:
            initial = groups[0].criterion(INITIAL)
            if initial.query and initial.text.startswith("Patient?"):
                _, asked = self.query(initial, {"subject": []})
                query += asked
        found = [each for each in self._people(query) if not is_replaced(each)]
        self.check_size(len(found))
        return found

    def check_size(self, people: int) -> None:
        """Raise UnprocessableError where an evaluation would hold up everybody else."""
        if people > MOST_SUBJECTS:
            raise UnprocessableError(
                f"this would look at more than {MOST_SUBJECTS} people: name a subject, a Group or "
                "a practitioner, or let the initial population be a query on Patient",
                code="too-costly",
            )

    def _people(self, query: list[tuple[str, str]]) -> Iterator[Record]:
        cursor: list[tuple[str, str]] = []
        fixed = [*query, ("_count", str(_PAGE)), ("_total", "none")]
        seen = 0
        while seen <= MOST_SUBJECTS:
            page = records.search(self.actor, "Patient", [*fixed, *cursor])
            yield from page.records
            seen += len(page.records)
            if page.next is None:
                return
            cursor = [("_cursor", page.next)]

    def placed(self, patient: Record, group: Group) -> Subject:
        """Say to which populations and strata of a group a person belongs."""
        about = _About(self, patient)
        return place(patient.reference, group, about.holds, about.value)

    def query(
        self, criterion: Criterion, variables: Mapping[str, Any]
    ) -> tuple[str, list[tuple[str, str]]]:
        """Return (type, search parameters) of a criterion that is a FHIR search."""

        def filled(found: re.Match[str]) -> str:
            known = {**variables, **self.variables}
            values = evaluate(found[1], [], known, at=self.at, where=criterion.where)
            return ",".join(literal(str(value)) for value in values)

        text = _placeholder.sub(filled, criterion.text)
        resource_type, _, query = text.partition("?")
        if resource_type not in SUPPORTED_TYPES or (
            resource_type != "Patient" and not patient_parameters(resource_type)
        ):
            raise UnprocessableError(
                "a query names a type of a person's records, such as Observation?code=...",
                expression=criterion.where,
            )
        return resource_type, parameters(query)

    @property
    def variables(self) -> dict[str, Any]:
        return {"periodStart": self.period[0], "periodEnd": self.period[1]}


class _About:
    """The criteria of a measure, asked about one person."""

    def __init__(self, measuring: Measuring, patient: Record) -> None:
        self._measuring = measuring
        self._patient = patient
        self._variables: dict[str, Any] = {"subject": patient.resource}
        self._known: dict[str, list[Any]] = {}

    def holds(self, criterion: Criterion) -> bool:
        """Say whether a criterion is met: true, or anything but nothing and false."""
        return self._asked(criterion) not in ([], [False])

    def value(self, criterion: Criterion) -> str:
        return ", ".join(str(each) for each in self._asked(criterion))

    def _asked(self, criterion: Criterion) -> list[Any]:
        if criterion.text not in self._known:
            ask = self._query if criterion.query else self._path
            self._known[criterion.text] = ask(criterion)
        return self._known[criterion.text]

    def _path(self, criterion: Criterion) -> list[Any]:
        if _RECORDS in criterion.text and "records" not in self._variables:
            page = compartment.of_patient(self._measuring.actor, self._patient.id)
            self._variables["records"] = [jsontext.loads(entry.text) for entry in page.matches]
        return evaluate(
            criterion.text,
            self._patient.resource,
            self._measuring.variables | self._variables,
            at=self._measuring.at,
            where=criterion.where,
        )

    def _query(self, criterion: Criterion) -> list[Any]:
        resource_type, asked = self._measuring.query(criterion, self._variables)
        own = ("_id", self._patient.id)
        if resource_type != "Patient":
            own = (patient_parameters(resource_type)[0], self._patient.reference)
        limits = [own, ("_count", "1"), ("_total", "none")]
        page = records.search(self._measuring.actor, resource_type, [*asked, *limits])
        return [bool(page.records)]
