"""A merge that is taken back leaves every record as it was, whatever there was."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub import records
from hub.domain.actor import Actor, hub_actor
from hub.records import Record
from hub.samples import SOUTHEND
from hub.services import definitions, merging, unmerging
from hub.transaction import transaction
from tests.factories.care_team import care_team
from tests.factories.patient import patient
from tests.factories.task import task

HUB = hub_actor("test")
Make = Callable[[str, str], Record]


def _kept(**resource: Any) -> Record:
    return records.create(HUB, resource)


def _reference(text: str) -> dict[str, str]:
    return {"reference": text}


KINDS: dict[str, Make] = {
    "flag": lambda one, _: _kept(
        resourceType="Flag", status="active", code={"text": "é"}, subject=_reference(one)
    ),
    "observation": lambda one, other: _kept(
        resourceType="Observation",
        status="final",
        code={"text": "Weight"},
        subject=_reference(one),
        performer=[_reference(other)],
        note=[{"text": f'says "reference":"{one}"'}],
    ),
    "communication": lambda one, other: _kept(
        resourceType="Communication",
        status="completed",
        subject=_reference(other),
        recipient=[_reference(one), _reference(f"{one}/_history/1")],
    ),
    "group": lambda one, other: _kept(
        resourceType="Group",
        type="person",
        actual=True,
        member=[{"entity": _reference(one)}, {"entity": _reference(other)}],
    ),
    "foreign task": lambda one, _: task(one, "Practitioner/kim", managed=False),
    "managed task": lambda one, _: task(one, "Practitioner/kim"),
    "care team": lambda one, _: care_team(one, "Practitioner/kim"),
    "other record": lambda one, _: patient(link=[{"other": _reference(one), "type": "seealso"}]),
    "provenance": lambda one, _: _kept(
        resourceType="Provenance",
        target=[_reference(one)],
        recorded="2026-01-01T00:00:00Z",
        agent=[{"who": {"display": "Kim"}}],
    ),
}

made = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.booleans()), max_size=8)


def content(record: Record) -> dict[str, Any]:
    now = records.read(HUB, record.type, record.id).resource
    meta = {k: v for k, v in now.get("meta", {}).items() if k not in {"versionId", "lastUpdated"}}
    return {**now, "meta": meta}


@pytest.fixture
def hub(app: Flask) -> None:
    with transaction():
        definitions.load(HUB, SOUTHEND)


@pytest.mark.usefixtures("hub")
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(kinds=made, linked=st.booleans())
def test_merge_and_unmerge_give_back_the_same(
    system_actor: Actor, kinds: list[tuple[str, bool]], linked: bool
) -> None:
    with transaction():
        target = patient()
        links = [{"other": _reference(target.reference), "type": "refer"}] if linked else []
        source = patient(link=links, active=True) if links else patient()
        people = (source.reference, target.reference)
        world = [source, target] + [
            KINDS[kind](*(people if of_source else people[::-1])) for kind, of_source in kinds
        ]
    before = [content(each) for each in world]

    with transaction():
        merging.merge(system_actor, source.id, target.id)
    still_there = [
        each
        for each in world[2:]
        if each.type not in merging.UNTOUCHED
        and source.id in str([content(each).get(name) for name in ("subject", "for", "member")])
    ]
    assert still_there == []
    with transaction():
        done = unmerging.unmerge(system_actor, source.id)

    assert [content(each) for each in world] == before
    assert done.between == ()
    assert done.task is None
