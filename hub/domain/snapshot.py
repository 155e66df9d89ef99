"""Frozen dataclasses to JSON and back: decisions and policies are stored as they were made."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


def freeze(value: Any) -> Any:
    """Return ``value`` as JSON. Sets are sorted, so equal values give equal text."""
    if value is None or isinstance(value, bool | int | float | str):
        return str(value) if isinstance(value, StrEnum) else value
    if is_dataclass(value) and not isinstance(value, type):
        return {name: freeze(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(key): freeze(value[key]) for key in sorted(value)}
    if isinstance(value, frozenset | set):
        return sorted((freeze(item) for item in value), key=str)
    if isinstance(value, tuple | list):
        return [freeze(item) for item in value]
    raise TypeError(f"{type(value).__name__} cannot be stored in a snapshot")


def thaw(kind: type[T], stored: Any) -> T:
    """Return the dataclass ``kind`` that ``freeze`` stored."""
    value: T = _thaw(kind, stored)
    return value


def _thaw(kind: Any, stored: Any) -> Any:
    origin = get_origin(kind)
    if origin is UnionType or str(origin) == "typing.Union":
        if stored is None:
            return None
        (inner,) = (argument for argument in get_args(kind) if argument is not NoneType)
        return _thaw(inner, stored)
    if origin is tuple:
        arguments = get_args(kind)
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_thaw(arguments[0], item) for item in stored)
        return tuple(_thaw(inner, item) for inner, item in zip(arguments, stored, strict=True))
    if origin is frozenset:
        return frozenset(_thaw(get_args(kind)[0], item) for item in stored)
    if origin is not None and issubclass(origin, Mapping):
        inner = get_args(kind)[1]
        return {key: _thaw(inner, item) for key, item in stored.items()}
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        return kind(
            **{name: _thaw(hints[name], stored[name]) for name in _names(kind) if name in stored}
        )
    if kind in (datetime, date, time):
        return kind.fromisoformat(stored)
    if kind is timedelta:
        return timedelta(seconds=stored)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(stored)
    return stored


@lru_cache(maxsize=256)
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@lru_cache(maxsize=256)
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
