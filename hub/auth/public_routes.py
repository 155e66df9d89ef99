"""The declared list of routes that answer without an Actor; every other route refuses."""

from collections.abc import Mapping
from types import MappingProxyType

PUBLIC_ROUTES: Mapping[str, str] = MappingProxyType(
    {
        "/sign-in": "nobody can be signed in before it",
        "/r/<token>": "a referrer without an account asks for a code; shows no patient data",
        "/r/<token>/code": "sends the code to the address that the referrer gave, and says no more",
        "/r/<token>/answer": "takes a referrer's answer, after the code; shows no patient data",
        "/refer-yourself": "anybody asks for help: names services, nobody",
        "/refer-yourself/<service>": "anybody asks for help: takes a form, tells a receipt only",
        "/static/<path:filename>": "style sheets and scripts, the same for everybody",
        "/live": "tells a supervisor that the process answers; says nothing else",
        "/ready": "tells a load balancer that the hub can work; says nothing else",
        "/metrics": "counters without people in them, scraped on loopback",
        "/fhir/metadata": "FHIR R4 http.html: a client reads it before it authenticates",
        "/fhir/openapi.json": "says what the addresses are, as metadata does; nothing about people",
    }
)
"""URL rule -> why it is open. Rules, not endpoint names: the address is what an outsider sees."""
