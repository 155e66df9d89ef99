"""How a decision is kept: small, with shared pieces, old formats still readable."""

import json
from dataclasses import replace
from typing import Any

from hub.domain import routing_record, snapshot
from tests.unit.hub.domain.nurses import (
    TASK,
    decide,
    nurse,
    working,
)


def test_a_decision_of_the_first_format_is_read_as_it_was_kept() -> None:
    decision = decide(nurse("asha"), nurse("ben"))
    first = json.loads(json.dumps(snapshot.freeze(decision)))
    # What came later is not in what was kept then.
    for gone in ("points", "travel", "gender_only", "only_in_area"):
        del first["inputs"]["task"][gone]
    for gone in ("widening", "travel", "care_home_round", "capacity_points"):
        del first["inputs"]["policy"][gone]
    for each in first["inputs"]["candidates"]:
        for gone in ("capacity_points", "load_points", "rounds", "hidden_by"):
            del each[gone]

    assert routing_record.needs(first) == frozenset()
    assert routing_record.unpack(first, {}) == decision
    assert routing_record.is_kept_whole(first, routing_record.replay(first, {}))


def test_a_thousand_candidates_are_kept_in_few_bytes_that_are_their_own() -> None:
    people = [
        nurse(f"n{number:04d}", load_minutes=number % 300, recent_minutes=number)
        for number in range(1000)
    ]
    decision = decide(*people, rota=working(*(f"n{number:04d}" for number in range(1000))))
    # An hour later: everybody has been given more.
    busier = [replace(each, load_minutes=each.load_minutes + 5, open_urgent=1) for each in people]
    memo: dict[Any, tuple[str, str]] = {}

    first = routing_record.pack(decision, memo)
    second = routing_record.pack(decide(*busier, task=replace(TASK, id="2")), memo)

    assert len(json.dumps(first.stored)) < 20_000
    # Whatever does not belong to one task is the same piece for the next.
    assert first.stored["pieces"]["staff"] == second.stored["pieces"]["staff"]
