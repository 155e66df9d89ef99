"""The sample hub: a single point of referral for a district and a GP hub in it, as data.

``load`` stores everything once: definition, the hub's own records, sign-ins, rota, subscriptions
and 300 people with their plans. Loading again brings what changed up to date and adds nothing.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from hub import clock, records, settings
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.domain.definition import HubDefinition
from hub.samples.hub_records import records_of
from hub.samples.people_load import load_people
from hub.samples.sign_ins import demo_users, open_accounts, register_systems, sign_agreements
from hub.services import definitions, rota, rota_records, subscriptions
from hub.transaction import transaction

__all__ = ["SOUTHEND", "demo_users", "load", "load_hub", "load_people", "subscribe_systems"]

SOUTHEND = Path(__file__).parent / "southend"

ROTA_BEHIND = timedelta(days=14)
ROTA_AHEAD = timedelta(days=70)
"""How far the sample rota reaches: past routing decisions can be replayed, leave can be planned."""


def load(actor: Actor | None = None, *, say: Callable[[str], None] = lambda _line: None) -> None:
    """Load the whole sample hub; safe to call again, and to interrupt."""
    actor = actor or hub_actor("set-up")
    say("loading the sample hub: organisations, services, staff, rota ...")
    with transaction():
        definition = load_hub(actor)
    say("opening the accounts of its staff ...")
    with transaction():
        open_accounts(definition)
    load_people(actor, say=say)
    port = settings.environment().get("CAREHUB_RECEIVER_PORT")
    if port:
        with transaction():
            subscribe_systems(definition, f"http://127.0.0.1:{port}")


def load_hub(actor: Actor, folder: Path = SOUTHEND) -> HubDefinition:
    """Store the definition and the records, agreements, systems and shifts that follow from it."""
    definitions.load(actor, folder)
    definition = definitions.current()
    wanted = {f"{each['resourceType']}/{each['id']}": each for each in records_of(definition)}
    stored = records.read_many(actor, list(wanted))
    records.insert_many(
        actor,
        [
            records.new_version(actor, each, id=each["id"], managed=True)
            for reference, each in wanted.items()
            if reference not in stored
        ],
    )
    for reference, found in stored.items():
        kept = {name: found[name] for name in rota_records.TIMES if name in found.resource}
        wanted[reference] |= kept if found.type == "PractitionerRole" else {}
        was = {name: value for name, value in found.resource.items() if name != "meta"}
        if was != wanted[reference]:
            resource = wanted[reference] | {"meta": {"tag": found.resource["meta"]["tag"]}}
            records.update(actor, resource, type=found.type, id=found.id)
    sign_agreements(definition)
    register_systems(definition)
    today = clock.now().date()
    rota.plan_shifts(today - ROTA_BEHIND, today + ROTA_AHEAD)
    return definition


def subscribe_systems(definition: HubDefinition, receiver: str) -> None:
    """Subscribe the sample's systems to the register; ``receiver`` is where they listen."""
    for told in definition.subscribers.values():
        client = definition.clients[told.client]
        actor = Actor(
            kind=ActorKind.SYSTEM,
            id=f"client/{client.code}",
            display=client.name,
            organization=f"Organization/{client.organisation}",
            scopes=frozenset({*client.scopes, "system/Subscription.cruds"}),
        )
        for number, criteria in enumerate(told.criteria, 1):
            known = f"{told.code}-{number}"
            if not records.read_many(actor, [f"Subscription/{known}"]):
                subscriptions.subscribe(
                    actor,
                    criteria=criteria,
                    endpoint=f"{receiver}{told.path}",
                    name=told.name,
                    id=known,
                )
