"""History of a record, a type and the hub: what is in it, what was current when, its pages."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from flask.testing import FlaskClient

from fhir.validation import validate
from hub import clock
from hub.auth import issue_token

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


class At:
    """Writes and reads at chosen moments: minutes after noon."""

    def __init__(self, client: FlaskClient, headers: dict[str, str], monkeypatch: Any) -> None:
        self.client = client
        self.headers = headers
        self.patch = monkeypatch
        self.set(0)

    def set(self, minute: float) -> None:
        self.patch.setattr(clock, "now", lambda: NOON + timedelta(minutes=minute))

    def put(self, minute: float, kind: str, record_id: str, **more: Any) -> None:
        self.set(minute)
        body = json.dumps({"resourceType": kind, "id": record_id, **more})
        url = f"/fhir/{kind}/{record_id}"
        answer = self.client.put(url, data=body, headers=self.headers)
        assert answer.status_code in {200, 201}, answer.text

    def delete(self, minute: float, url: str) -> None:
        self.set(minute)
        assert self.client.delete(f"/fhir/{url}", headers=self.headers).status_code == 204

    def versions(self, url: str) -> list[tuple[str, str]]:
        """Return (record, version) of every entry, following the pages."""
        found: list[tuple[str, str]] = []
        address = f"/fhir/{url}"
        while address:
            answer = self.client.get(address, headers=self.headers)
            assert answer.status_code == 200, answer.text
            page = answer.get_json()
            assert validate(page) == []
            assert "total" not in page
            for entry in page.get("entry", ()):
                version = entry["response"]["etag"].strip('W/"')
                found.append((entry["fullUrl"].rpartition("/fhir/")[2], version))
            links = {link["relation"]: urlsplit(link["url"]) for link in page["link"]}
            more = links.get("next")
            address = f"{more.path}?{more.query}" if more else ""
            assert not more or page["entry"]
        return found


@pytest.fixture
def at(client: FlaskClient, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> At:
    return At(client, headers, monkeypatch)


@pytest.fixture
def past(at: At) -> At:
    """A person of three versions (0, 10 and 20 minutes after noon), deleted at 30, back at 40."""
    for minute in (0, 10, 20):
        at.put(minute, "Patient", "p", active=bool(minute))
    at.delete(30, "Patient/p")
    at.put(40, "Patient", "p")
    at.put(5, "Task", "t", status="requested", intent="order")
    return at


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("2026-05-01T12:05:00Z", "1"),
        ("2026-05-01T12:10:00Z", "2"),
        ("2026-05-01T12:09:59.999999Z", "1"),
        ("2026-05-01T13:05:00%2B01:00", "1"),
        ("2026-05-01T13:05:00+01:00", "1"),
        ("2026-05-01T12:35:00Z", ""),
        ("2026-05-01T12:30:00Z", "4"),
        ("2026-05-01T12:45:00Z", "5"),
        ("2026-04-30", ""),
        ("2026-05-01", "54321"),
        ("2026-05", "54321"),
        ("2026", "54321"),
        ("2027", "5"),
        ("2025", ""),
    ],
)
def test_at_gives_what_was_current_then(past: At, asked: str, expected: str) -> None:
    for level in ("Patient/p/_history", "Patient/_history"):
        found = past.versions(f"{level}?_at={asked}")
        assert found == [("Patient/p", version) for version in expected], level


def test_at_holds_for_the_whole_hub_and_with_since(past: At) -> None:
    assert past.versions("_history?_at=2026-05-01T12:05:00Z") == [
        ("Task/t", "1"),
        ("Patient/p", "1"),
    ]
    assert past.versions("_history?_at=2026-05-01&_since=2026-05-01T12:20:00Z") == [
        ("Patient/p", "5"),
        ("Patient/p", "4"),
        ("Patient/p", "3"),
    ]


def test_entries_say_what_was_asked_and_answered(past: At) -> None:
    page = past.client.get("/fhir/Patient/p/_history", headers=past.headers).get_json()
    said = [
        (e["request"]["method"], e["request"]["url"], e["response"]["status"], "resource" in e)
        for e in page["entry"]
    ]
    assert said == [
        ("PUT", "Patient/p", "200", True),
        ("DELETE", "Patient/p", "204", False),
        ("PUT", "Patient/p", "200", True),
        ("PUT", "Patient/p", "200", True),
        ("PUT", "Patient/p", "201", True),
    ]
    assert page["entry"][1]["response"] == {
        "status": "204",
        "etag": 'W/"4"',
        "lastModified": "2026-05-01T12:30:00.000000Z",
    }
    made = past.client.post(
        "/fhir/Patient", data='{"resourceType":"Patient"}', headers=past.headers
    )
    page = past.client.get(
        f"/fhir/Patient/{made.get_json()['id']}/_history", headers=past.headers
    ).get_json()
    assert page["entry"][0]["request"] == {"method": "POST", "url": "Patient"}
    assert page["entry"][0]["response"]["status"] == "201"


def test_a_version_that_is_a_deletion_is_gone(past: At) -> None:
    for version, status in (("3", 200), ("4", 410), ("5", 200), ("6", 404)):
        url = f"/fhir/Patient/p/_history/{version}"
        assert past.client.get(url, headers=past.headers).status_code == status


@pytest.mark.parametrize(
    "parameters",
    [
        "_list=1",
        "_sort=-_lastUpdated",
        "_at=yesterday",
        "_at=2026-05-01T12:00",
        "_since=2026",
        "_count=0",
        "_count=-1",
        "_count=x",
        "_cursor=x",
        "_cursor=W10",
        "name=x",
    ],
)
def test_what_history_does_not_know_is_named(past: At, parameters: str) -> None:
    for level in ("Patient/p/_history", "Patient/_history", "_history"):
        answer = past.client.get(f"/fhir/{level}?{parameters}", headers=past.headers)
        assert answer.status_code == 400
        assert answer.get_json()["issue"][0]["expression"] == [parameters.partition("=")[0]]


def test_pages_show_every_version_once_while_others_write(at: At) -> None:
    for number in range(6):
        at.put(number, "Patient", f"p{number}")
    expected = [(f"Patient/p{number}", "1") for number in range(5, -1, -1)]
    first = at.client.get("/fhir/_history?_count=2", headers=at.headers).get_json()
    links = {link["relation"]: urlsplit(link["url"]) for link in first["link"]}
    seen = [entry["fullUrl"].rpartition("/fhir/")[2] for entry in first["entry"]]
    # Superseded versions move to another table, new ones stand before the first page.
    at.put(20, "Patient", "p1", active=True)
    at.put(21, "Patient", "new")
    rest = at.versions(f"{links['next'].path.removeprefix('/fhir/')}?{links['next'].query}")
    assert [(s, "1") for s in seen] + rest == expected


def test_records_of_one_moment_and_one_id_are_all_shown(at: At) -> None:
    """A simulated clock stands still: neither time nor id nor version tells types apart."""
    for kind in ("Patient", "Basic", "Person"):
        at.put(0, kind, "x", **({"code": {"text": "c"}} if kind == "Basic" else {}))
    found = at.versions("_history?_count=1")
    assert sorted(found) == [("Basic/x", "1"), ("Patient/x", "1"), ("Person/x", "1")]


def test_a_full_last_page_has_no_next(at: At) -> None:
    for number in range(4):
        at.put(number, "Patient", f"p{number}")
    page = at.client.get("/fhir/Patient/_history?_count=4", headers=at.headers).get_json()
    assert [link["relation"] for link in page["link"]] == ["self"]
    at_once = quote("2026-05-01T12:02:00Z")
    page = at.client.get(f"/fhir/_history?_at={at_once}&_count=2", headers=at.headers).get_json()
    assert f"_at={'2026-05-01T12:02:00Z'}" in page["link"][0]["url"]


def test_the_history_of_the_hub_is_that_of_the_types_that_may_be_read(past: At) -> None:
    narrow = issue_token("test-system", "system/Task.rs", 3600)
    past.headers["Authorization"] = f"Bearer {narrow}"
    assert past.versions("_history") == [("Task/t", "1")]
    assert past.client.get("/fhir/Patient/_history", headers=past.headers).status_code == 403
    writes = issue_token("test-system", "system/Task.u", 3600)
    past.headers["Authorization"] = f"Bearer {writes}"
    assert past.client.get("/fhir/_history", headers=past.headers).status_code == 403
