"""What follows from a change of the rota: its FHIR records, and offers that run out."""

from hub.services import definitions, rota_records, shift_offers
from hub.transaction import transaction
from workflows.app import celery
from workflows.handlers import Event, handler


@handler
def publish(event: Event) -> None:
    """RotaChanged: bring Schedule, Slots and PractitionerRole of the people named in step."""
    rota_records.publish(event.payload["people"])


@handler
def expire_offer(event: Event) -> None:
    """ShiftOfferExpires, due when the shift starts: the shift stays with who offered it."""
    shift_offers.expire(event.payload["offer"])


@celery.task(name="workflows.rota.sweep")  # type: ignore[untyped-decorator]
def sweep() -> int:
    """Bring everybody's records in step: a new week has begun, or an event was not handled."""
    with transaction():
        staff = definitions.current().staff
        return rota_records.publish([f"Practitioner/{each}" for each in staff])
