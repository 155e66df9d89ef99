"""The page that says who can help: asked in the address bar, so that it can be kept and sent."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub import clock
from tests.factories.service_capacity import service_capacity
from tests.web.staff import open_door, token_of


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


def say(client: FlaskClient, places: str, service: str = "district-nursing") -> TestResponse:
    page = client.get("/services?q=catheter")
    return client.post(
        f"/services/{service}/capacity?q=catheter",
        data={"csrf_token": token_of(page), "places": places},
    )


def test_the_team_says_its_places_and_everybody_sees_when(client: FlaskClient) -> None:
    open_door(client, "asha")

    answer = say(client, "3")

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/services?q=catheter#district-nursing"
    shown = client.get("/services?q=catheter").text
    assert "3 places free, said just now" in shown
    assert say(client, "0").status_code == 303
    shown = client.get("/services?q=catheter").text
    assert "Full, said just now" in shown
    assert shown.index("District nursing (east)") < shown.index("Full, said just now")


@pytest.mark.parametrize("places", ["", "some", "-1", "501", "\u0663"])
def test_a_number_that_cannot_be_is_not_kept(client: FlaskClient, places: str) -> None:
    open_door(client, "asha")
    answer = say(client, places)
    assert answer.status_code == 422
    assert "ay a number" in answer.text
    assert "said just now" not in client.get("/services").text


def test_nobody_speaks_for_another_team(client: FlaskClient) -> None:
    open_door(client, "asha")
    assert 'action="/services/pharmacy/capacity' not in client.get("/services").text
    assert say(client, "1", "pharmacy").status_code == 403
    assert say(client, "1", "nothing").status_code == 422


def test_the_front_door_speaks_for_no_service(client: FlaskClient) -> None:
    open_door(client, "sam")
    assert "/capacity" not in client.get("/services?q=wound").text
    assert say(client, "1").status_code == 403


def test_a_manager_speaks_for_any(client: FlaskClient) -> None:
    open_door(client, "morgan")
    assert say(client, "2", "pharmacy").status_code == 303


def test_a_word_of_the_day_before_yesterday_is_forgotten(client: FlaskClient) -> None:
    open_door(client, "asha")
    service_capacity(said_at=clock.now() - timedelta(hours=30), places=4)
    assert "4 places free" in client.get("/services").text
    service_capacity(service="pharmacy", said_at=clock.now() - timedelta(hours=49), places=7)
    assert "7 places" not in client.get("/services").text
