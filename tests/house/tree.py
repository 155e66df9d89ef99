"""The files of the checkout that are ours, for tests about the tree itself."""

from pathlib import Path

from hub.settings import ROOT

_NOT_OURS = {
    ".git",
    ".venv",
    ".carehub",
    "node_modules",
    "vendor",
    "build",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    ".import_linter_cache",
}


def files(*suffixes: str, below: str = ".") -> list[Path]:
    """Give our files with one of the suffixes (all if none), relative to the checkout."""
    found: list[Path] = []
    waiting = [ROOT / below]
    while waiting:
        for path in waiting.pop().iterdir():
            if path.name in _NOT_OURS or path.name.endswith(".egg-info"):
                continue
            if path.is_dir() and not path.is_symlink():
                waiting.append(path)
            elif path.is_file() and (not suffixes or path.suffix in suffixes):
                found.append(path.relative_to(ROOT))
    return sorted(found)


def text_of(path: Path) -> str:
    try:
        return (ROOT / path).read_text("utf-8")
    except UnicodeDecodeError:
        return ""
