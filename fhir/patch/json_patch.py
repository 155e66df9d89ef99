"""JSON Patch: https://www.rfc-editor.org/rfc/rfc6902 over JSON Pointer, RFC 6901."""

import re
from dataclasses import dataclass, replace
from typing import Any

from fhir import jsontext
from fhir.outcomes import BadRequestError, UnprocessableError
from fhir.patch import exact

MOST_OPERATIONS = 1_000
MOST_COPIED = 100_000
"""Values that all copies of one patch may make: each ``copy`` can double the resource."""

_MEMBERS = {
    "add": ("value",),
    "remove": (),
    "replace": ("value",),
    "move": ("from",),
    "copy": ("from",),
    "test": ("value",),
}
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}").fullmatch
_PLAIN = re.compile(r"[A-Za-z0-9_/~\-]{0,200}").fullmatch

Pointer = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a JSON Patch."""

    index: int
    op: str
    path: Pointer
    source: Pointer = ()
    """The pointer ``from`` of a move or copy."""
    value: Any = None

    @property
    def name(self) -> str:
        """What a refusal calls it: the path as far as it can hold no patient data."""
        path = "".join(f"/{token}" for token in self.path)
        return f"operation {self.index} ({self.op} {path})" if _PLAIN(path) else self.plain

    @property
    def plain(self) -> str:
        return f"operation {self.index} ({self.op})"


@dataclass(frozen=True, slots=True)
class JSONPatch:
    """The operations of one patch, in order."""

    operations: tuple[Operation, ...]

    def apply(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Return the patched resource; ``resource`` itself may change on the way.

        Raises UnprocessableError that names the operation.
        """
        holder: dict[str, Any] = {"": resource}
        copies = 0
        for operation in self.operations:
            copies += _apply(holder, operation)
            if copies > MOST_COPIED:
                raise UnprocessableError("the patch copies too much", code="too-costly")
        patched = holder.get("")
        if not isinstance(patched, dict):
            raise UnprocessableError("the patch leaves no resource", code="processing")
        return patched


def read(raw: str | bytes) -> JSONPatch:
    """Read a JSON Patch document. Raises BadRequestError that names the operation."""
    listed = exact.loads(raw)
    if not isinstance(listed, list):
        raise BadRequestError("a JSON Patch is an array of operations", code="structure")
    if len(listed) > MOST_OPERATIONS:
        raise UnprocessableError(
            f"a patch may have at most {MOST_OPERATIONS} operations", code="too-costly"
        )
    return JSONPatch(tuple(_operation(index, each) for index, each in enumerate(listed)))


def with_values(patch: JSONPatch, change: Any) -> JSONPatch:
    """Return the patch with ``change(path, value)`` for the value of each operation."""
    return JSONPatch(tuple(replace(o, value=change(o.path, o.value)) for o in patch.operations))


def pointer(text: Any, of: str) -> Pointer:
    """Read a JSON Pointer into its unescaped tokens."""
    if not isinstance(text, str):
        raise BadRequestError(f"{of} must be a JSON pointer: a string", code="structure")
    if text and not text.startswith("/"):
        raise BadRequestError(f"{of} must be empty or begin with /", code="value")
    if re.search("~(?![01])", text):
        raise BadRequestError(f"{of}: ~ is written ~0, and / is written ~1", code="value")
    return tuple(t.replace("~1", "/").replace("~0", "~") for t in text.split("/")[1:])


def _operation(index: int, given: Any) -> Operation:
    named = f"operation {index}"
    if not isinstance(given, dict):
        raise BadRequestError(f"{named} must be a JSON object", code="structure")
    op = given.get("op")
    if not isinstance(op, str) or op not in _MEMBERS:
        raise BadRequestError(f"{named}: op must be one of {', '.join(_MEMBERS)}", code="value")
    for member in ("path", *_MEMBERS[op]):
        if member not in given:
            raise BadRequestError(f"{named} ({op}) needs {member}", code="required")
    path = pointer(given["path"], f"path of {named} ({op})")
    source = pointer(given["from"], f"from of {named} ({op})") if "from" in _MEMBERS[op] else ()
    return Operation(index, op, path, source, given.get("value"))


def _apply(holder: dict[str, Any], operation: Operation) -> int:
    """Do one operation below ``holder['']``; return how many values were copied."""
    match operation.op:
        case "add":
            _add(holder, operation, jsontext.copied(operation.value))
        case "remove":
            _remove(holder, operation, operation.path)
        case "replace":
            _set(holder, operation, jsontext.copied(operation.value))
        case "move":
            if operation.path[: len(operation.source)] == operation.source:
                if operation.path == operation.source:
                    _get(holder, operation, operation.source)
                    return 0
                raise _refused(operation, "a value cannot be moved into itself")
            _add(holder, operation, _remove(holder, operation, operation.source))
        case "copy":
            found = _get(holder, operation, operation.source)
            _add(holder, operation, jsontext.copied(found))
            return _size(found)
        case _:
            if not exact.equal(_get(holder, operation, operation.path), operation.value):
                raise _refused(operation, "the value is another one")
    return 0


def _refused(operation: Operation, why: str) -> UnprocessableError:
    return UnprocessableError(f"{operation.name}: {why}", code="processing")


def _step(node: Any, token: str, operation: Operation) -> Any:
    if isinstance(node, dict) and token in node:
        return node[token]
    if isinstance(node, list):
        return node[_place(node, token, operation)]
    raise _refused(operation, "there is nothing at the path")


def _place(node: list[Any], token: str, operation: Operation, *, after: int = 0) -> int:
    """Read the index of an element; ``after`` 1 also allows the place after the last one."""
    if _INDEX(token) is None:
        raise _refused(operation, "an array is addressed by a number without leading zeros")
    index = int(token)
    if index >= len(node) + after:
        raise _refused(operation, f"the array has {len(node)} elements")
    return index


def _get(holder: dict[str, Any], operation: Operation, path: Pointer) -> Any:
    node: Any = holder
    for token in ("", *path):
        node = _step(node, token, operation)
    return node


def _parent(holder: dict[str, Any], operation: Operation, path: Pointer) -> tuple[Any, str]:
    whole = ("", *path)
    node: Any = holder
    for token in whole[:-1]:
        node = _step(node, token, operation)
    return node, whole[-1]


def _check_depth(operation: Operation, value: Any) -> None:
    if exact.depth(value) + len(operation.path) > jsontext.MAX_DEPTH:
        raise exact.too_deep()


def _add(holder: dict[str, Any], operation: Operation, value: Any) -> None:
    _check_depth(operation, value)
    node, last = _parent(holder, operation, operation.path)
    if isinstance(node, dict):
        node[last] = value
    elif not isinstance(node, list):
        raise _refused(operation, "there is nothing at the path")
    elif last == "-":
        node.append(value)
    else:
        node.insert(_place(node, last, operation, after=1), value)


def _set(holder: dict[str, Any], operation: Operation, value: Any) -> None:
    _check_depth(operation, value)
    node, token = _parent(holder, operation, operation.path)
    _step(node, token, operation)
    if isinstance(node, list):
        node[_place(node, token, operation)] = value
    else:
        node[token] = value


def _remove(holder: dict[str, Any], operation: Operation, path: Pointer) -> Any:
    node, token = _parent(holder, operation, path)
    found = _step(node, token, operation)
    if isinstance(node, list):
        del node[_place(node, token, operation)]
    else:
        del node[token]
    return found


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_size, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(_size, value))
    return 1
