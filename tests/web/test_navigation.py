"""The head of a page: a few places a person goes to daily, the rest behind one word."""

import re

import pytest
from flask.testing import FlaskClient

from tests.web.staff import open_door


def rows(text: str) -> dict[str, list[tuple[str, str]]]:
    """Return each row of places: (address, how it is marked as current)."""
    found = re.findall(r'<nav class="ch-nav[^"]*" aria-label="(\w+)">(.*?)</nav>', text, re.DOTALL)
    link = re.compile(r'<a href="([^"]+)"(?: aria-current="(\w+)")?>')
    return {label: link.findall(row) for label, row in found}


@pytest.mark.parametrize("username", ["asha", "jo", "sam", "morgan", "noor"])
def test_nobody_has_more_than_six_places_in_the_first_row(
    client: FlaskClient, username: str
) -> None:
    open_door(client, username)
    assert 2 <= len(rows(client.get("/").text)["Main"]) <= 6


def test_a_manager_finds_all_they_watch_over_behind_one_word(client: FlaskClient) -> None:
    open_door(client, "morgan")
    home = rows(client.get("/").text)
    assert ("/oversight", "") in home["Main"]
    assert "Oversight" not in home

    index = client.get("/oversight")
    watched = rows(index.text)["Oversight"]
    assert {href for href, _ in watched} == {
        "/alarms", "/stuck", "/rebalancing", "/cover", "/vacancies", "/findings", "/leaving",
        "/escalation", "/performance", "/counts", "/agreement",
    }  # fmt: skip
    for href, _ in watched:
        shown = client.get(href)
        assert shown.status_code == 200, href
        assert [each for each in rows(shown.text)["Oversight"] if each[1]] == [(href, "page")]
        assert ("/oversight", "true") in rows(shown.text)["Main"]


def test_one_place_alone_stands_in_the_first_row(client: FlaskClient) -> None:
    open_door(client, "jo")
    main = [href for href, _ in rows(client.get("/").text)["Main"]]
    assert "/vacancies" in main
    assert "/oversight" not in main
    assert "Oversight" not in rows(client.get("/vacancies").text)


def test_the_front_door_finds_its_messages(client: FlaskClient) -> None:
    open_door(client, "sam")
    watched = [href for href, _ in rows(client.get("/oversight").text)["Oversight"]]
    assert watched == ["/messages", "/counts", "/agreement"]


def test_whoever_watches_over_nothing_has_no_such_page(client: FlaskClient) -> None:
    open_door(client, "asha")
    assert client.get("/oversight").status_code == 403
