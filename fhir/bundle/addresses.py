"""Query strings of addresses: search parameters in their order."""

from urllib.parse import parse_qsl

from fhir.outcomes import BadRequestError

MOST = 200
"""Parameters in one address; R4 sets no limit, memory does."""


def parameters(query: str) -> list[tuple[str, str]]:
    """Return the parameters of a query string; empty values are kept, for a search to refuse."""
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=MOST, errors="strict")
    except UnicodeDecodeError as error:
        raise BadRequestError("the query is not UTF-8") from error
    except ValueError as error:
        raise BadRequestError(
            f"an address has at most {MOST} parameters", code="too-costly"
        ) from error
