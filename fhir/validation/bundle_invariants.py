"""Invariants of Bundle: https://hl7.org/fhir/R4/bundle.html#invs (bdl-5 is in ``invariants``)."""

from fhir.validation.invariants import Value, has, rule

_REQUESTS = {"batch", "transaction", "history"}
_RESPONSES = {"batch-response", "transaction-response", "history"}


@rule("Bundle", "bdl-1")
def _bdl_1(value: Value) -> bool:
    return not has(value, "total") or value.get("type") in {"searchset", "history"}


@rule("Bundle", "bdl-2")
def _bdl_2(value: Value) -> bool:
    return value.get("type") == "searchset" or not any(
        "search" in entry for entry in value.get("entry", ())
    )


@rule("Bundle", "bdl-3")
def _bdl_3(value: Value) -> bool:
    expected = value.get("type") in _REQUESTS
    return all(("request" in entry) == expected for entry in value.get("entry", ()))


@rule("Bundle", "bdl-4")
def _bdl_4(value: Value) -> bool:
    expected = value.get("type") in _RESPONSES
    return all(("response" in entry) == expected for entry in value.get("entry", ()))


@rule("Bundle", "bdl-7")
def _bdl_7(value: Value) -> bool:
    if value.get("type") == "history":
        return True
    keys = [
        (entry["fullUrl"], entry.get("resource", {}).get("meta", {}).get("versionId"))
        for entry in value.get("entry", ())
        if "fullUrl" in entry
    ]
    return len(keys) == len(set(keys))


@rule("Bundle.entry", "bdl-8")
def _bdl_8(value: Value) -> bool:
    return "/_history/" not in value.get("fullUrl", "")


@rule("Bundle", "bdl-9")
def _bdl_9(value: Value) -> bool:
    identifier = value.get("identifier", {})
    return value.get("type") != "document" or ("system" in identifier and "value" in identifier)


@rule("Bundle", "bdl-10")
def _bdl_10(value: Value) -> bool:
    return value.get("type") != "document" or "timestamp" in value


def _first(value: Value) -> str | None:
    entries = value.get("entry") or [{}]
    first: str | None = entries[0].get("resource", {}).get("resourceType")
    return first


@rule("Bundle", "bdl-11")
def _bdl_11(value: Value) -> bool:
    return value.get("type") != "document" or _first(value) == "Composition"


@rule("Bundle", "bdl-12")
def _bdl_12(value: Value) -> bool:
    return value.get("type") != "message" or _first(value) == "MessageHeader"


@rule("Bundle", "link-once")
def _link_once(value: Value) -> bool:
    relations = [link.get("relation") for link in value.get("link", ())]
    return len(relations) == len(set(relations))
