"""A loaded version of a hub definition, not the active one."""

import hashlib
from itertools import count
from typing import Any

from hub import clock
from hub.models.definition import DefinitionVersion
from hub.records import new_id
from tests.factories import kept

_NUMBERS = count(1)


def definition_version(hub: str = "test-hub", **columns: Any) -> DefinitionVersion:
    number = next(_NUMBERS)
    content = f'{{"code":"{hub}","number":{number}}}'
    defaults = {
        "id": new_id(),
        "number": number,
        "digest": hashlib.sha256(content.encode()).hexdigest(),
        "content": content,
        "loaded_at": clock.now(),
        "loaded_by": "hub/set-up",
    }
    return kept(DefinitionVersion(hub=hub, **defaults | columns))
