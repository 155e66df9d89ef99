"""The name ``fhir`` is shared with the library fhir.resources (docs/adr/0003): what keeps it so."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hub.settings import ROOT

BOTH = (
    "import fhir.registry.types, fhir.resources.R4B.task",
    "import fhir.resources.R4B.task, fhir.registry.types",
)


def test_the_shared_package_extends_its_path_and_does_nothing_else() -> None:
    lines = (ROOT / "fhir" / "__init__.py").read_text("utf-8").splitlines()

    code = [line for line in lines if line and not line.startswith("#")]

    assert code == [
        "from pkgutil import extend_path",
        "__path__ = extend_path(__path__, __name__)",
    ]


def test_the_standard_has_only_subpackages() -> None:
    modules = [path.name for path in (ROOT / "fhir").glob("*.py")]
    folders = [path for path in (ROOT / "fhir").iterdir() if path.is_dir()]

    assert modules == ["__init__.py"]
    assert all((folder / "__init__.py").exists() for folder in folders if folder.name[0] != "_")


def test_nobody_takes_a_name_of_the_library() -> None:
    library = next(
        path for path in sys.path if (Path(path) / "fhir" / "resources" / "__init__.py").exists()
    )
    theirs = {path.name for path in (Path(library) / "fhir").iterdir()} - {
        "__init__.py",
        "__pycache__",
    }
    ours = {path.name for path in (ROOT / "fhir").iterdir()} - {"__init__.py", "__pycache__"}

    assert theirs == {"resources"}
    assert theirs & ours == set()


DATA = [path.relative_to(ROOT) for path in sorted((ROOT / "fhir").glob("*/definitions/*"))]
"""What the standard's modules read: a wheel without it could be imported and not used."""

_BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


@pytest.mark.parametrize("folder", [ROOT, Path("/")], ids=["checkout", "elsewhere"])
@pytest.mark.parametrize("statement", BOTH, ids=["ours first", "theirs first"])
def test_both_import_in_either_order_from_anywhere(statement: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", statement], cwd=folder, capture_output=True, text=True, check=False
    )

    assert done.stderr == ""


def test_every_test_folder_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}

    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []
    assert not (ROOT / "tests" / "fhir").exists()


def test_a_wheel_of_ours_leaves_the_librarys_package_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-c", _BUILD, str(tmp_path)),
        ],
        cwd=_copy_of_packaging(tmp_path / "source"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = wheel.namelist()

    assert "fhir/__init__.py" not in names
    assert "fhir/registry/__init__.py" in names
    assert "hub/app.py" in names
    assert set(map(str, DATA)) <= set(names)


def _copy_of_packaging(folder: Path) -> Path:
    """Make the smallest tree with our packaging: building in the checkout would litter it."""
    for name in ("pyproject.toml", "README.md", "hub/app.py", "hub/__init__.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text((ROOT / name).read_text("utf-8"), "utf-8")
    for package in ("fhir", "fhir/registry", "fhir/terminology", "workflows"):
        (folder / package).mkdir(exist_ok=True)
        (folder / package / "__init__.py").touch()
    for path in DATA:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).touch()
    return folder
