"""``$validate``: everything that is wrong with a resource, and what the hub would say to a write.

https://hl7.org/fhir/R4/resource-operation-validate.html. The answer is 200 with an
OperationOutcome that holds all issues; only a request that cannot be read is refused.
"""

from dataclasses import dataclass
from typing import Any, NoReturn

from flask import Response, request

from fhir import jsontext, registry
from fhir.outcomes import BadRequestError, FHIRError, Issue, NotFoundError
from fhir.registry import SUPPORTED_TYPES
from fhir.registry.profiles import profile, profile_urls
from fhir.validation.membership import Membership
from fhir.validation.review import review
from hub import records
from hub.api import answers, errors, limits, negotiation, writes
from hub.api.interactions import query
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import Given, of_resource
from hub.auth import current_actor, current_grant
from hub.domain.errors import RuleError
from hub.records import terminology
from hub.transaction import transaction

MODES = ("create", "update", "delete", "profile")
_BASE = "http://hl7.org/fhir/StructureDefinition/"
_ALSO = ("Bundle", "Parameters", "OperationOutcome")
"""Types that the hub checks and does not hold."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one call asks."""

    resource: dict[str, Any] | None
    mode: str | None
    profiles: tuple[str, ...]


class _TriedError(Exception):
    """Ends a write that was only tried: its transaction is rolled back."""


@operation(
    Operation(
        "validate",
        "Say everything that is wrong with a resource, and whether the hub would take the write.",
        (
            Parameter("resource", "Resource", documentation="Or as the body itself."),
            Parameter("mode", "code", documentation=f"One of {', '.join(MODES)}."),
            Parameter("profile", "canonical", documentation="A profile to check it against too."),
            Parameter("return", "OperationOutcome", use="out", min=1),
        ),
        type=True,
        instance=True,
        types=(*SUPPORTED_TYPES, *_ALSO),
        canonical="http://hl7.org/fhir/OperationDefinition/Resource-validate",
    )
)
def validate(resource_type: str | None, record_id: str | None) -> Response:
    assert resource_type is not None
    if resource_type not in SUPPORTED_TYPES and (record_id or resource_type not in _ALSO):
        raise NotFoundError(f"the hub does not hold {resource_type}", code="not-supported")
    asked = _asked(resource_type)
    issues: list[Issue] = []
    resource = asked.resource
    if record_id is not None:
        stored = records.read(current_actor(), resource_type, record_id)
        if resource is None and asked.mode != "delete":
            resource = stored.resource
    if asked.mode in {"update", "delete"} and record_id is None:
        text = f"mode {asked.mode} is asked at a record's address"
        raise BadRequestError(text, expression="mode")
    if resource is not None:
        issues += review(
            resource,
            resource_type=resource_type,
            profiles=asked.profiles,
            members=Membership(terminology.holdings(current_actor())),
        )
    elif asked.mode != "delete":
        raise BadRequestError("give a resource", expression="resource", code="required")
    if asked.mode in {"create", "update", "delete"} and not _broken(issues):
        at = None if asked.mode == "create" else record_id
        issues = [*_tried(asked.mode, resource_type, at, resource), *issues]
    if not issues:
        issues = [Issue("informational", "nothing is wrong", severity="information")]
    return answers.of_issues(issues, 200)


def _broken(issues: list[Issue]) -> bool:
    return any(issue.severity in {"error", "fatal"} for issue in issues)


def _asked(resource_type: str) -> Asked:
    """Read the parameters of the address and of the body, which may be the resource itself."""
    simple: list[dict[str, Any]] = [{"name": name, "valueString": value} for name, value in query()]
    body = _body()
    resource = None
    wrapped = body is not None and body.get("resourceType") == "Parameters"
    if body is not None and wrapped and not (resource_type == "Parameters" and _is_plain(body)):
        given = Given([*simple, *of_resource(body)])
        resource = given.resource("resource")
    else:
        given, resource = Given(list(simple)), body
    given.only("resource", "mode", "profile")
    mode = given.text("mode")
    if mode is not None and mode not in MODES:
        raise BadRequestError(f"mode is one of {', '.join(MODES)}", expression="mode")
    profiles = tuple(_canonical(each) for each in given if each.get("name") == "profile")
    for each in profiles:
        _check_known(each)
    if mode == "profile" and not profiles and not _names_profile(resource):
        raise BadRequestError("mode profile needs a profile", expression="profile")
    return Asked(resource, mode, profiles)


def _body() -> dict[str, Any] | None:
    if request.method != "POST":
        return None
    negotiation.check_content_type()
    raw = limits.body()
    return jsontext.parse(raw)[0] if raw.strip() else None


def _is_plain(body: dict[str, Any]) -> bool:
    """Say whether a Parameters resource is itself what is to be checked."""
    listed = body.get("parameter")
    return not isinstance(listed, list) or not any(
        isinstance(each, dict) and each.get("name") == "resource" for each in listed
    )


def _canonical(parameter: Any) -> str:
    for member in ("valueCanonical", "valueUri", "valueString"):
        if isinstance(found := parameter.get(member), str) and found:
            return found
    raise BadRequestError("profile is a canonical", expression="profile")


def _check_known(canonical: str) -> None:
    url = canonical.partition("|")[0]
    if profile(url) is None and url.removeprefix(_BASE) not in registry.resource_types():
        raise BadRequestError(
            "the hub does not know this profile; it knows those of R4's types and "
            f"{len(profile_urls())} of UK Core (https://fhir.hl7.org.uk/StructureDefinition/...)",
            expression="profile",
            code="not-supported",
        )


def _names_profile(resource: dict[str, Any] | None) -> bool:
    meta = (resource or {}).get("meta")
    return isinstance(meta, dict) and bool(meta.get("profile"))


def _tried(
    mode: str, resource_type: str, record_id: str | None, resource: dict[str, Any] | None
) -> list[Issue]:
    """Do the write and take it back: what would refuse it then refuses it now."""
    if resource_type not in SUPPORTED_TYPES:
        return [Issue("not-supported", f"the hub does not hold {resource_type}")]
    try:
        with transaction():
            _write(mode, resource_type, record_id, jsontext.dumps(resource))
    except _TriedError:
        return []
    except RuleError as error:
        return list(errors.from_rule(error).issues)
    except FHIRError as error:
        return list(error.issues)
    raise AssertionError("a write that is only tried never ends well")


def _write(mode: str, resource_type: str, record_id: str | None, text: str) -> NoReturn:
    actor = current_actor()
    if record_id is None:
        writes.create(actor, resource_type, text)
    elif mode == "update":
        # Which version it was made from is said when it is written; here it is the current one.
        version = records.read(actor, resource_type, record_id).version
        grant = current_grant()
        writes.update(actor, grant, resource_type, record_id, text, if_match=version)
    else:
        writes.delete(actor, resource_type, record_id)
    raise _TriedError
