"""Write fhir/terminology/definitions from the official FHIR R4 definitions; run by hand.

``python -m fhir.terminology.generate FOLDER [FOLDER ...]``: valuesets.json, v3-codesystems.json and
v2-tables.json of https://hl7.org/fhir/R4/downloads.html (CC0), each in one of the folders. Kept is
what a terminology service answers with: no narrative, contacts or extensions. The same input gives
the same bytes.
"""

import gzip
import logging
import sys
from pathlib import Path
from typing import Any

import orjson

DEFINITIONS = Path(__file__).parent / "definitions" / "r4.jsonl.gz"
FILES = ("valuesets.json", "v3-codesystems.json", "v2-tables.json")
KEPT = frozenset(
    {
        *("resourceType", "id", "url", "version", "name", "title", "status", "experimental"),
        *("date", "publisher", "description", "copyright", "immutable", "contained"),
        # ValueSet
        *("compose", "expansion"),
        # CodeSystem
        *("caseSensitive", "valueSet", "hierarchyMeaning", "compositional", "versionNeeded"),
        *("content", "supplements", "count", "filter", "property", "concept", "language"),
    }
)

log = logging.getLogger("fhir.terminology.generate")


def without_extensions(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: without_extensions(each)
            for name, each in value.items()
            if name != "extension" and not name.startswith("_")
        }
    if isinstance(value, list):
        return [without_extensions(each) for each in value]
    return value


def kept(resource: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = without_extensions(
        {name: value for name, value in resource.items() if name in KEPT}
    )
    return found


def line(resource: dict[str, Any]) -> bytes:
    """Return a line that is found without parsing it: type, url, version, then the resource."""
    head = (resource["resourceType"], resource["url"], resource.get("version", ""))
    return "\t".join(head).encode() + b"\t" + orjson.dumps(resource) + b"\n"


def main(folders: list[Path]) -> None:
    lines = []
    for name in FILES:
        path = next(folder / name for folder in folders if (folder / name).exists())
        entries = orjson.loads(path.read_bytes())["entry"]
        lines += [
            line(kept(entry["resource"]))
            for entry in entries
            if entry["resource"]["resourceType"] in {"CodeSystem", "ValueSet"}
        ]
    content = b"".join(sorted(set(lines)))
    DEFINITIONS.parent.mkdir(exist_ok=True)
    DEFINITIONS.write_bytes(gzip.compress(content, 9, mtime=0))
    log.info("%d resources, %d bytes", len(lines), DEFINITIONS.stat().st_size)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main([Path(folder) for folder in sys.argv[1:]])
