"""The page that says who can help: asked in the address bar, so that it can be kept and sent."""

from flask.testing import FlaskClient

from tests.web.staff import open_door


def test_who_can_help_then_comes_before_who_can_later(client: FlaskClient) -> None:
    open_door(client, "sam")

    shown = client.get("/services?q=hearing+or+wounds&at=2026-11-29T19:00&postcode=SS0")

    assert shown.status_code == 200
    assert shown.text.index("District nursing") < shown.text.index("Hearing loss")
    assert shown.text.index("Can help then") < shown.text.index("Can help later")
    assert 'value="hearing or wounds"' in shown.text


def test_what_cannot_be_read_is_said_and_the_rest_is_shown(client: FlaskClient) -> None:
    open_door(client, "sam")
    for query, words in (("at=soon", "A time is a date"), ("age=old", "An age is a number")):
        answer = client.get(f"/services?{query}")
        assert answer.status_code == 422
        assert words in answer.text
        assert "District nursing" in answer.text


def test_nothing_found_is_said(client: FlaskClient) -> None:
    open_door(client, "sam")
    assert "No service says" in client.get("/services?q=xylophone").text
