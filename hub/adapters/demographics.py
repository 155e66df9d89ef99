"""The national demographics service: who somebody is, asked by a person who traces.

Shapes are those of the Personal Demographics Service's FHIR API
(https://digital.nhs.uk/developer/api-catalogue/personal-demographics-service-fhir): a read by NHS
number, a search by family name and birthday with what else is known, a Patient whose
``meta.security`` says R where nothing of the address may be shown. A null one where none is
connected; a sandbox that answers from a file, for a laptop and for tests.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlencode

import requests
from urllib3.exceptions import HTTPError

from hub.adapters import proxy_token
from hub.adapters.proxy_token import NONE, NoTokenError, Token
from hub.domain import identity
from hub.domain.confidentiality import is_restricted
from hub.domain.identity import Identity
from hub.settings import Settings

TIMEOUT_SECONDS = (3.0, 5.0)
"""To connect, to answer: somebody waits for it at a page."""
LONGEST_ANSWER = 1_000_000
SANDBOX = "sandbox"
PEOPLE = Path(__file__).parent / "demographics_sandbox.json"

Json = dict[str, Any]
Answered = tuple[int, Json]


class Verdict(StrEnum):
    """What came of asking; codes of ``Task.input`` as well."""

    FOUND = "found"
    NOBODY = "nobody"
    SEVERAL = "several"
    NOT_ENOUGH = "not-enough"
    """A search needs the family name and the birthday."""
    NOT_CONNECTED = "not-connected"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Traced:
    """One answer; ``patient`` is set where the verdict is FOUND."""

    verdict: Verdict
    patient: Json | None = None
    """Patient as the service gave it; its id is the NHS number."""


class Demographics(Protocol):
    def trace(self, wanted: Identity) -> Traced: ...


class NullDemographics:
    """Knows nobody, and says that it is not there."""

    def trace(self, wanted: Identity) -> Traced:  # noqa: ARG002
        return Traced(Verdict.NOT_CONNECTED)


class PDSDemographics:
    """Asks by ``get(path, query) -> (status, body)``; HTTP, or the sandbox's file.

    The number decides where there is a valid one; where the service does not know it, or knows
    somebody of another birthday by it, what else was said is searched for. A search must find
    exactly one. Without the postcode if the search with it finds nobody: people move, and somebody
    restricted is never found by where they live.
    """

    def __init__(self, get: Callable[[str, Mapping[str, str]], Answered]) -> None:
        self._get = get

    def trace(self, wanted: Identity) -> Traced:
        try:
            return self._by_number(wanted) or self._by_search(wanted)
        except (
            NoTokenError,
            requests.RequestException,
            HTTPError,
            ValueError,
            TypeError,
            AttributeError,
        ):
            return Traced(Verdict.UNAVAILABLE)

    def _by_number(self, wanted: Identity) -> Traced | None:
        number = identity.key(wanted)
        if number is None:
            return None
        status, body = self._get(f"/Patient/{number}", {})
        if status == 200:
            born = wanted.birth_date
            same = born is None or body.get("birthDate") == born.isoformat()
            return Traced(Verdict.FOUND, body) if same else None
        # 400 and 404: a number that was never given out, or is not used any more.
        return None if status in {400, 404} else Traced(Verdict.UNAVAILABLE)

    def _by_search(self, wanted: Identity) -> Traced:
        if not wanted.family or wanted.birth_date is None:
            return Traced(Verdict.NOT_ENOUGH)
        query = {"family": wanted.family, "birthdate": f"eq{wanted.birth_date.isoformat()}"}
        if wanted.given:
            query["given"] = wanted.given[0]
        if wanted.gender in {"male", "female"}:
            query["gender"] = wanted.gender
        found = Traced(Verdict.NOBODY)
        if wanted.postcode:
            found = self._search({**query, "address-postalcode": wanted.postcode})
        return self._search(query) if found.verdict is Verdict.NOBODY else found

    def _search(self, query: Mapping[str, str]) -> Traced:
        status, body = self._get("/Patient", query)
        if status != 200:
            return Traced(Verdict.UNAVAILABLE)
        if body.get("resourceType") == "OperationOutcome":
            # TOO_MANY_MATCHES is the only one that comes with 200.
            return Traced(Verdict.SEVERAL)
        people = [entry["resource"] for entry in body.get("entry") or ()]
        if len(people) == 1:
            return Traced(Verdict.FOUND, people[0])
        return Traced(Verdict.SEVERAL if people else Verdict.NOBODY)


class HTTPGet:
    """A GET at the real service. ``token`` gives the bearer token."""

    def __init__(self, url: str, token: Token = NONE) -> None:
        self._url = url
        self._token = token

    def __call__(self, path: str, query: Mapping[str, str]) -> Answered:
        headers = {
            "Accept": "application/fhir+json",
            "X-Request-ID": str(uuid.uuid4()),
            "X-Correlation-ID": str(uuid.uuid4()),
        }
        if token := self._token():
            headers["Authorization"] = f"Bearer {token}"
        address = f"{self._url}{path}" + (f"?{urlencode(query)}" if query else "")
        with requests.get(
            address, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
        ) as response:
            said = json.loads(response.raw.read(LONGEST_ANSWER, decode_content=True) or b"{}")
            if not isinstance(said, dict):
                raise TypeError("the answer is no resource")
            return response.status_code, said


class SandboxGet:
    """The service over people in a file: the same answers, nobody real, no network."""

    def __init__(self, people: Sequence[Json]) -> None:
        self._people = people

    def __call__(self, path: str, query: Mapping[str, str]) -> Answered:
        number = path.removeprefix("/Patient").removeprefix("/")
        if number:
            found = next((each for each in self._people if number in _numbers(each)), None)
            return (200, found) if found else (404, _outcome("RESOURCE_NOT_FOUND"))
        wanted = {name: each[0] for name, each in parse_qs(urlencode(query)).items()}
        matching = [each for each in self._people if _matches(each, wanted)]
        if len(matching) > 1:
            return 200, _outcome("TOO_MANY_MATCHES")
        entries = [{"search": {"score": 1}, "resource": each} for each in matching]
        return 200, {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": len(entries),
            "entry": entries,
        }


def of(settings: Settings) -> Demographics:
    """Return what CAREHUB_PDS_URL names: nothing, the sandbox, or an address."""
    if not settings.pds_url:
        return NullDemographics()
    if settings.pds_url == SANDBOX:
        return PDSDemographics(SandboxGet(json.loads(PEOPLE.read_text("utf-8"))))
    return PDSDemographics(HTTPGet(settings.pds_url, proxy_token.of(settings, settings.pds_token)))


def _numbers(patient: Json) -> set[str]:
    """Return the number of today and those that it has replaced."""
    return {patient["id"], *(each["value"] for each in patient["identifier"])}


def _matches(patient: Json, wanted: Mapping[str, str]) -> bool:
    name = patient["name"][0]
    said = {
        "family": name["family"],
        "given": name["given"][0],
        "birthdate": f"eq{patient['birthDate']}",
        "gender": patient["gender"],
    }
    if "address-postalcode" in wanted:
        if is_restricted(patient):
            return False
        said["address-postalcode"] = patient["address"][0]["postalCode"]
    return all(_plain(said[each]) == _plain(value) for each, value in wanted.items())


def _plain(text: str) -> str:
    return "".join(text.casefold().split())


def _outcome(code: str) -> Json:
    system = "https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode"
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "not-found" if code == "RESOURCE_NOT_FOUND" else "multiple-matches",
                "details": {"coding": [{"system": system, "code": code}]},
            }
        ],
    }
