"""Who answers for a person: now, on a date, and all there ever were."""

from datetime import UTC, date, datetime, time

from flask import Response, request

from hub import clock, records
from hub.auth import current_actor
from hub.domain import calendars
from hub.domain.accountability import TITLES
from hub.services import accountability, accountability_rows, definitions, deputies
from hub.web import directory
from hub.web.forms import Filled, fill
from hub.web.forms.accountability import DateForm
from hub.web.presenters import people, words
from hub.web.rendering import page
from hub.web.site import blueprint


@blueprint.get("/people/<patient_id>/accountable")
def accountable_page(patient_id: str) -> Response:
    actor = current_actor()
    now = clock.now()
    patient = records.read(actor, "Patient", patient_id)
    form = fill(DateForm, request.args) if request.args.get("on") else Filled({}, {}, {})
    asked: date | None = form.values.get("on")
    at = noon(asked) if asked is not None else now
    return page(
        "people/accountable.html",
        200 if form.is_right else 422,
        person=people.head(patient, now),
        form=form,
        on=words.day(asked) if asked else "",
        answers=[
            {
                "title": TITLES[each.role],
                "name": directory.name_of(each.practitioner),
                "since": words.moment(each.since),
                "stands_in": each.stands_in,
                "deputy": directory.name_of(each.deputy) if each.deputy else "",
            }
            for each in accountability.answers(actor, patient_id, at)
        ],
        history=[
            {
                "title": TITLES[each.role],
                "name": directory.name_of(each.practitioner),
                "start": words.moment(each.start),
                "end": words.moment(each.end) if each.end else "",
                "stands_in": each.stands_in,
            }
            for each in sorted(
                accountability_rows.of(patient.id), key=lambda each: each.start, reverse=True
            )
        ],
        acts=[
            {
                "when": words.moment(each.at),
                "by": directory.name_of(each.deputy),
                "absent": directory.name_of(each.practitioner),
                "what": _WHAT.get(each.what, "a record"),
            }
            for each in deputies.acts_for(actor, patient_id)
        ],
    )


_WHAT = {
    "Task": "a task",
    "CarePlan": "the shared plan",
    "CareTeam": "who answers for them",
    "Flag": "a flag",
    "Goal": "a goal",
    "EpisodeOfCare": "an episode of care",
    "Consent": "a consent",
}


def noon(day: date) -> datetime:
    """Return the middle of a day here: what somebody means who asks about a day."""
    home = calendars.zone(definitions.current().time_zone)
    return datetime.combine(day, time(12), home).astimezone(UTC)
