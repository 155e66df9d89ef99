"""Finding a person, one person's page, and the emergency summary of one page."""

from flask import Response, request
from werkzeug.exceptions import NotFound

from fhir.systems import NHS_NUMBER
from hub import clock, records
from hub.auth import current_actor
from hub.domain import nhs_number
from hub.domain.actor import Actor
from hub.domain.register import KEEPERS
from hub.queries import person as person_query
from hub.queries.person import PersonPage
from hub.records import Record
from hub.services import care_plans, plan_content, register, transport
from hub.web import directory
from hub.web.presenters import alerts, documents, people, record_pages, registers, words
from hub.web.presenters import referrals as referral_words
from hub.web.rendering import page
from hub.web.site import blueprint

_FOUND = "20"
_DONE = {
    "named": "The new name is on the record, from now on.",
    "transport-eligible": "Entitled to transport: the team that books has it.",
    "transport-discretion": "The team that books decides whether they are entitled, and has it.",
    "transport-not-eligible": "Not entitled: the record says so, with the advice that was given.",
    "offered": "Offered. The old name stays on the record until it is accepted.",
}


@blueprint.get("/people")
def find_person_page() -> Response:
    actor = current_actor()
    asked = " ".join(request.args.get("q", "").split())
    born = request.args.get("born", "").strip()
    now = clock.now()
    found = _search(actor, asked, born) if asked or born else []
    return page(
        "people/find.html",
        asked=asked,
        born=born,
        searched=bool(asked or born),
        rows=[people.line(each, now) for each in found],
    )


def _search(actor: Actor, asked: str, born: str) -> list[Record]:
    """Search by NHS number where it is one, else by name; only people the actor may see."""
    digits = asked.replace(" ", "").replace("-", "")
    parameters: list[tuple[str, str]] = [("_count", _FOUND), ("_total", "none")]
    if digits.isdigit() and nhs_number.is_valid(digits):
        parameters.append(("identifier", f"{NHS_NUMBER}|{digits}"))
    elif digits.isdigit():
        return []
    else:
        parameters += [("name", part.replace("\\", "").replace(",", "")) for part in asked.split()]
    if born:
        if len(born) != 10 or born.count("-") != 2 or not born.replace("-", "").isdigit():
            return []
        parameters.append(("birthdate", born))
    return list(records.search(actor, "Patient", parameters).records)


@blueprint.get("/people/<patient_id>")
def person_page(patient_id: str) -> Response:
    actor = current_actor()
    now = clock.now()
    known = _known(actor, patient_id)
    waiting, closed = record_pages.work(known, now, actor.practitioner)
    episode = record_pages.register_episode(known)
    return page(
        "people/person.html",
        person=people.head(known.patient, now),
        done=_DONE.get(request.args.get("done", "")),
        practice=directory.name_of(people.head(known.patient, now).practice),
        alerts=_alerts(known),
        accountable=record_pages.accountable(known, now),
        plans=record_pages.plans(known),
        about=_about(known),
        waiting=waiting,
        closed=closed,
        on_register=episode is not None,
        may_enter=actor.role in KEEPERS,
        transport=bool(transport.needs()),
        referrals=referral_words.earlier(known.all("ServiceRequest"), None),
        contacts=record_pages.contacts(known),
        problems=record_pages.problems(known),
        medicines=record_pages.medicines(known),
        documents=documents.received(known),
        elsewhere=record_pages.elsewhere(known),
    )


@blueprint.get("/people/<patient_id>/emergency")
def emergency_page(patient_id: str) -> Response:
    """One page for 3 a.m.: what to do, what not to do, who to call."""
    actor = current_actor()
    now = clock.now()
    known = _known(actor, patient_id)
    summary = register.emergency_summary(actor, patient_id)
    plan = next(
        (each for each in known.managed("CarePlan") if each.get("status") == "active"), None
    )
    texts = plan_content.texts(plan.resource) if plan else {}
    return page(
        "people/emergency.html",
        person=people.head(known.patient, now),
        practice=directory.name_of(people.head(known.patient, now).practice),
        # The decision stands at the top, larger, with where its form is: once is enough.
        alerts=[
            each
            for each in _alerts(known)
            if not (summary and summary.entry.cpr and each.rank in alerts.RESUSCITATION)
        ],
        entry=registers.shown(summary.entry) if summary else None,
        accountable=[each for each in record_pages.accountable(known, now) if each.name],
        worse=texts.get("escalation-triggers", ""),
        contingency=texts.get("contingency", ""),
        carers=texts.get("people-and-carers", ""),
        problems=record_pages.problems(known),
        medicines=record_pages.medicines(known),
        at=words.moment(now),
    )


def _known(actor: Actor, patient_id: str) -> PersonPage:
    known = person_query.person(actor, patient_id)
    if known is None:
        raise NotFound
    return known


def _alerts(known: PersonPage) -> list[alerts.Alert]:
    return sorted(
        [
            *alerts.of_flags(known.all("Flag")),
            *alerts.of_allergies(known.all("AllergyIntolerance")),
        ],
        key=lambda each: each.rank,
    )


def _about(known: PersonPage) -> str:
    """Return the person's own words, from the plan in use."""
    for plan in known.managed("CarePlan"):
        if plan.get("status") in {"active", "draft", "on-hold"}:
            for section in care_plans.sections_of(plan):
                if section.code == "about-me" and section.text:
                    return section.text
    return ""
