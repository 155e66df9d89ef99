"""One version of one FHIR record, as it is stored."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, Self

from fhir import jsontext
from fhir.systems import MANAGED_TAG_CODE, MANAGED_TAG_SYSTEM

_fill = object.__setattr__
"""Past the guard of a frozen class."""


@dataclass(frozen=True, init=False)
class Record:
    """A stored version. ``text`` is the JSON exactly as it came in, with our id and meta."""

    type: str
    id: str
    version: int
    last_updated: datetime
    text: str
    # Without defaults: an attribute of the class would stand in for what is read when asked for.
    deleted: bool
    managed: bool

    @classmethod
    def of_page(cls, resource_type: str, row: tuple[Any, ...]) -> Self:
        """Make one of a row that begins with id, version and text, as a page has hundreds.

        What else there is to know of it stands in its text, and is read when somebody asks.
        """
        made = cls.__new__(cls)
        _fill(
            made,
            "__dict__",
            {
                "type": resource_type,
                "id": row[0],
                "version": row[1],
                "text": row[2],
                "deleted": False,
            },
        )
        return made

    def __getattr__(self, name: str) -> Any:
        if name == "last_updated":
            found: Any = datetime.fromisoformat(self["meta"]["lastUpdated"])
        elif name == "managed":
            found = is_managed(self._parsed)
        else:
            raise AttributeError(name)
        self.__dict__[name] = found
        return found

    def __init__(  # noqa: PLR0917 - the fields
        self,
        type: str,  # noqa: A002 - the element's name
        id: str,  # noqa: A002 - the element's name
        version: int,
        last_updated: datetime,
        text: str,
        deleted: bool = False,
        managed: bool = False,
    ) -> None:
        # A page makes hundreds. What dataclass writes for a frozen class sets each field through
        # object.__setattr__, which takes four times as long.
        self.__dict__.update(
            type=type,
            id=id,
            version=version,
            last_updated=last_updated,
            text=text,
            deleted=deleted,
            managed=managed,
        )

    @property
    def reference(self) -> str:
        return f"{self.type}/{self.id}"

    @property
    def version_reference(self) -> str:
        return f"{self.type}/{self.id}/_history/{self.version}"

    @cached_property
    def _parsed(self) -> dict[str, Any]:
        parsed: dict[str, Any] = jsontext.loads(self.text)
        return parsed

    @property
    def resource(self) -> dict[str, Any]:
        """A copy of the resource that the caller may change; decimals are ``Decimal``."""
        copy: dict[str, Any] = jsontext.copied(self._parsed)
        return copy

    def __getitem__(self, element: str) -> Any:
        """Return a top-level element; do not change what it holds (see ``resource``)."""
        return self._parsed[element]

    def get(self, element: str, default: Any = None) -> Any:
        return self._parsed.get(element, default)


def is_managed(resource: dict[str, Any]) -> bool:
    """Say whether the resource carries the tag ``carehub|managed``."""
    if "meta" not in resource:
        return False
    return any(
        tag.get("system") == MANAGED_TAG_SYSTEM and tag.get("code") == MANAGED_TAG_CODE
        for tag in resource["meta"].get("tag", ())
        if isinstance(tag, dict)
    )


def instant(moment: datetime) -> str:
    """Write an instant as FHIR R4 does, in UTC with microseconds."""
    # Python holds the two half past ones of an October night in London equal: no cache for them.
    return _utc(moment if moment.tzinfo is UTC else moment.astimezone(UTC))


@lru_cache(maxsize=256)
def _utc(moment: datetime) -> str:
    """Write an instant; a bundle's records have one in common."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
