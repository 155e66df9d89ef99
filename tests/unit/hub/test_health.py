"""Health and metrics, as monitoring reads them."""

from flask.testing import FlaskClient

from hub import clock
from hub.transaction import transaction
from tests.factories.audit_finding import audit_finding
from tests.factories.cover_hole import cover_hole
from workflows import heartbeat


def test_a_hub_with_its_engines_is_ready(client: FlaskClient) -> None:
    answer = client.get("/ready")

    assert (answer.status_code, answer.text) == (200, "ready\n")


def test_metrics_count_what_waits(client: FlaskClient) -> None:
    answer = client.get("/metrics")

    assert "carehub_outbox_waiting 0.0" in answer.text


def test_metrics_say_what_the_auditor_found_and_when_it_ran(client: FlaskClient) -> None:
    with transaction():
        audit_finding(invariant="task-owner")
        audit_finding(invariant="clock-history", cleared_at=clock.now())
    heartbeat.beat(client.application.extensions["carehub_redis"], "auditor")

    text = client.get("/metrics").text

    assert 'carehub_auditor_findings{invariant="task-owner"} 1.0' in text
    assert 'carehub_auditor_findings{invariant="clock-history"} 0.0' in text
    assert "\ncarehub_auditor_last_run_timestamp_seconds 1" in text


def test_metrics_count_the_open_holes_of_a_team(client: FlaskClient) -> None:
    with transaction():
        soon = cover_hole()
        cover_hole(starts_at=soon.starts_at + (soon.starts_at - soon.opened_at))
        cover_hole(closed_at=soon.opened_at, closed_why="covered")
        cover_hole("CareTeam/spor", acknowledged_at=soon.opened_at)

    found = client.get("/metrics").text

    assert 'carehub_cover_holes_open{team="pharmacy"} 2.0' in found
    assert 'carehub_cover_holes_near{team="pharmacy"} 1.0' in found
    assert 'carehub_cover_holes_open{team="spor"} 1.0' in found
    assert 'carehub_cover_holes_near{team="spor"} 0.0' in found
