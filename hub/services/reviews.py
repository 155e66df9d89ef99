"""Reviews of shared plans: one that falls due becomes a task of the coordinator."""

from datetime import date, timedelta

from hub import clock, records
from hub.domain import calendars
from hub.domain.accountability import AccountableRole
from hub.domain.actor import Actor
from hub.queries import reviews_due
from hub.records import Record
from hub.services import accountability, definitions, tasks

TIME_TO_REVIEW = timedelta(days=7)
"""From the review date to the day the review should be done."""


def plans_due() -> list[str]:
    """Return ids of active plans to be reviewed that nobody has been asked to review yet."""
    return reviews_due.plans_due(_today())


def ask_for_review(actor: Actor, plan_id: str) -> Record | None:
    """Open the review task of a plan; None when somebody was asked meanwhile."""
    plan = records.lock(actor, "CarePlan", plan_id)
    if not reviews_due.plans_due(_today(), plan_id):
        return None
    patient: str = plan["subject"]["reference"]
    definition = definitions.current()
    named = accountability.current(actor, patient.removeprefix("Patient/"))
    coordinator = named.get(AccountableRole.COORDINATOR)
    staff = definition.staff.get(
        coordinator.practitioner.removeprefix("Practitioner/") if coordinator else ""
    )
    hub = f"Organization/{definition.hub_organisation}"
    return tasks.open_task(
        actor,
        code="plan-review",
        patient=patient,
        description="Review the shared plan with the person",
        # Without a coordinator the desk has it: the vacancy is a task of its own.
        owner=coordinator.practitioner
        if coordinator
        else f"CareTeam/{definition.spor.out_of_hours_desk}",
        due_at=clock.now() + TIME_TO_REVIEW,
        focus=plan.reference,
        performing_organization=f"Organization/{staff.organisation}" if staff else hub,
        accountable_organization=hub,
    )


def _today() -> date:
    return clock.now().astimezone(calendars.zone(definitions.current().time_zone)).date()
