from flask.testing import FlaskClient


def test_a_hub_with_its_engines_is_ready(client: FlaskClient) -> None:
    answer = client.get("/ready")

    assert (answer.status_code, answer.text) == (200, "ready\n")


def test_metrics_count_what_waits(client: FlaskClient) -> None:
    answer = client.get("/metrics")

    assert "carehub_outbox_waiting 0.0" in answer.text
