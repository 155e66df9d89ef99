"""The blueprint of the FHIR API, and how its addresses are read and written."""

from flask import Blueprint, Flask
from werkzeug.routing import BaseConverter

from hub import at_hand
from hub.records import Record

PREFIX = "/fhir"

blueprint = Blueprint("fhir", __name__, url_prefix=PREFIX)


class TypeConverter(BaseConverter):
    """A resource type; operations (``$...``) and ``metadata`` are none."""

    regex = "[A-Z][A-Za-z]*"


class IdConverter(BaseConverter):
    """An id. A malformed one reaches the resource's own check, which says what is wrong."""

    regex = "[^/$_][^/]*"


def init_app(app: Flask) -> None:
    app.url_map.converters["fhirtype"] = TypeConverter
    app.url_map.converters["fhirid"] = IdConverter


def base() -> str:
    """Return the service base URL, without a slash at its end."""
    return f"{at_hand.app().config['CAREHUB'].base_url}{PREFIX}"


def full_url(record: Record) -> str:
    return f"{base()}/{record.reference}"


def location(record: Record) -> str:
    """Return the address of this very version."""
    return f"{full_url(record)}/_history/{record.version}"


def etag(record: Record) -> str:
    return f'W/"{record.version}"'
