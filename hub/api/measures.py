"""``$evaluate-measure``: a Measure over the records that the caller may see.

https://hl7.org/fhir/R4/measure-operation-evaluate-measure.html. The report is answered, not kept.
"""

from typing import Any

from flask import Response

from fhir.measures import Group, read_measure, report
from fhir.outcomes import BadRequestError, NotFoundError, UnprocessableError
from fhir.search.dates import date_range
from fhir.search.text import literal
from hub import clock, records
from hub.api import answers, site
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import Given, given
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.queries.measuring import Measuring
from hub.records import Record, instant

_TYPES = {
    "subject": "individual",
    "individual": "individual",
    "subject-list": "subject-list",
    "population": "summary",
    "summary": "summary",
}
"""Report types as the operation and as MeasureReport.type call them -> the latter."""


@operation(
    Operation(
        "evaluate-measure",
        "Count who meets a measure in a period: a MeasureReport, which is not kept.",
        (
            Parameter("periodStart", "date", min=1),
            Parameter("periodEnd", "date", min=1),
            Parameter("measure", "string", documentation="On the type: Measure/[id] or its url."),
            Parameter("reportType", "code", documentation="subject, subject-list or population."),
            Parameter("subject", "string", documentation="Patient/[id] or Group/[id]."),
            Parameter("practitioner", "string", documentation="Only the people registered there."),
            Parameter("return", "MeasureReport", use="out", min=1),
        ),
        type=True,
        instance=True,
        types=("Measure",),
        canonical="http://hl7.org/fhir/OperationDefinition/Measure-evaluate-measure",
    )
)
def evaluate_measure(_type: str | None, record_id: str | None) -> Response:
    actor = current_actor()
    asked = given()
    own = () if record_id else ("measure",)
    asked.only("periodStart", "periodEnd", *own, "reportType", "subject", "practitioner")
    measure = _measure(actor, asked, record_id)
    groups = read_measure(measure.resource)
    period = _period(asked)
    kind = _kind(asked)
    measuring = Measuring(actor, period, clock.now())
    people, subject = _people(measuring, asked, groups, kind)
    placed = [[measuring.placed(each, group) for each in people] for group in groups]
    counted, lists = report(groups, placed, listed=kind == "subject-list")
    return answers.of_json(_report(measure, kind, period, subject) | _body(counted, lists))


def _report(
    measure: Record, kind: str, period: tuple[str, str], subject: str | None
) -> dict[str, Any]:
    url = measure.get("url") or site.full_url(measure)
    version = f"|{measure['version']}" if measure.get("url") and measure.get("version") else ""
    found: dict[str, Any] = {
        "resourceType": "MeasureReport",
        "status": "complete",
        "type": kind,
        "measure": f"{url}{version}",
        "date": instant(clock.now()),
        "period": {"start": period[0], "end": period[1]},
    }
    if subject is not None:
        found["subject"] = {"reference": subject}
    if (improvement := measure.get("improvementNotation")) is not None:
        found["improvementNotation"] = improvement
    return found


def _body(counted: list[dict[str, Any]], lists: list[dict[str, Any]]) -> dict[str, Any]:
    return {"contained": lists, "group": counted} if lists else {"group": counted}


def _measure(actor: Actor, asked: Given, record_id: str | None) -> Record:
    if record_id is not None:
        return records.read(actor, "Measure", record_id)
    named = asked.needed("measure")
    if named.startswith("Measure/"):
        return records.read(actor, "Measure", named.removeprefix("Measure/"))
    url, _, version = named.partition("|")
    criteria = [("url", literal(url)), ("_sort", "-date"), ("_count", "1"), ("_total", "none")]
    if version:
        criteria.append(("version", literal(version)))
    for found in records.search(actor, "Measure", criteria).records:
        return found
    raise NotFoundError("the measure is not here")


def _period(asked: Given) -> tuple[str, str]:
    texts, ranges = [], []
    for name in ("periodStart", "periodEnd"):
        text = asked.value(name, "date", "dateTime", "string")
        if text is None:
            raise BadRequestError(f"the parameter {name} is missing", expression=name)
        try:
            ranges.append(date_range(text))
        except (ValueError, TypeError):
            raise BadRequestError(f"{name} is a date such as 2026-05-01", expression=name) from None
        texts.append(text)
    start, end = ranges[0][0], ranges[1][1]
    if start is not None and end is not None and end <= start:
        raise BadRequestError("the period ends before it starts", expression="periodEnd")
    return texts[0], texts[1]


def _kind(asked: Given) -> str:
    named = asked.text("reportType")
    if named is None:
        return "individual" if (asked.text("subject") or "").startswith("Patient/") else "summary"
    if named not in _TYPES:
        raise BadRequestError(f"reportType is {', '.join(sorted(_TYPES))}", expression="reportType")
    return _TYPES[named]


def _people(
    measuring: Measuring, asked: Given, groups: tuple[Group, ...], kind: str
) -> tuple[list[Record], str | None]:
    """Return whom to look at, and the subject of the report where one was named."""
    actor = measuring.actor
    subject, practitioner = asked.text("subject"), asked.text("practitioner")
    if practitioner is not None and not practitioner.startswith("Practitioner/"):
        raise BadRequestError(
            "practitioner is a reference Practitioner/[id]", expression="practitioner"
        )
    if kind == "individual" and not (subject or "").startswith("Patient/"):
        raise BadRequestError(
            "a report of the type subject is about one: subject, Patient/[id]",
            expression="subject",
        )
    if subject is None:
        return measuring.subjects(groups, practitioner), None
    if practitioner is not None:
        raise UnprocessableError(
            "practitioner narrows down everybody: leave subject out", expression="practitioner"
        )
    resource_type, _, record_id = subject.partition("/")
    if resource_type == "Patient" and record_id:
        return [records.read(actor, "Patient", record_id)], subject
    if resource_type == "Group" and record_id:
        group = records.read(actor, "Group", record_id)
        members = [
            each.get("entity", {}).get("reference", "")
            for each in group.get("member", ())
            if not each.get("inactive")
        ]
        people = records.read_many(actor, [m for m in members if m.startswith("Patient/")])
        measuring.check_size(len(people))
        return [people[reference] for reference in sorted(people)], subject
    raise BadRequestError("subject is Patient/[id] or Group/[id]", expression="subject")
