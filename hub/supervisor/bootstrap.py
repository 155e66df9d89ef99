"""What `make run` and `make test` do first: a virtual environment from the lock file, and assets.

Runs under the machine's own python3, before anything is installed: standard library only, and
syntax that an older Python reads, so that it can say in a sentence that it is too old.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)
SETS = ("run", "test")
"""Each set holds all of the one before it."""

_BEGUN = time.monotonic()


class SetUpError(Exception):
    """The set-up cannot go on; the message is all that the reader needs."""


def say(line: str) -> None:
    sys.stdout.write(f"[{time.monotonic() - _BEGUN:5.1f} s] {line}\n")
    sys.stdout.flush()


def run(words: "list[object]", reason: str) -> None:
    """Run a program whose output the reader sees; say in a sentence what failed."""
    done = subprocess.run([str(word) for word in words], cwd=ROOT, check=False)  # noqa: S603 - our own words only
    if done.returncode:
        raise SetUpError(f"{reason} (see the lines above).")


def wanted(name: str) -> str:
    """Give what an environment of a set was made from, as a hash."""
    parts = [sys.version, str(ROOT)]
    files = (f"requirements/{name}.txt", "requirements/bootstrap.txt", "pyproject.toml")
    parts += [(ROOT / path).read_text("utf-8") for path in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def stamp_of(name: str) -> Path:
    return VENV / f"carehub-{name}"


def installed(name: str) -> bool:
    """Tell whether the environment holds the set, or a bigger one."""
    bigger = SETS[SETS.index(name) :]
    return PYTHON.exists() and any(
        stamp_of(candidate).exists() and stamp_of(candidate).read_text("ascii") == wanted(candidate)
        for candidate in bigger
    )


def make_environment() -> None:
    version = ".".join(str(number) for number in sys.version_info[:3])
    if sys.version_info < OLDEST:
        raise SetUpError(f"Carehub needs Python 3.11 or newer, and this is Python {version}.")
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian's python3 comes without it
        import venv  # noqa: F401, PLC0415
    except ImportError:
        raise SetUpError(
            "Python's venv module is not installed: run `apt-get install python3-venv` as root."
        ) from None
    if not PYTHON.exists():
        say(f"making .venv with Python {version} ...")
        run([sys.executable, "-m", "venv", VENV], "The virtual environment could not be made")


def install(name: str) -> None:
    requirements = ROOT / "requirements" / f"{name}.txt"
    for old in SETS:
        with contextlib.suppress(FileNotFoundError):
            stamp_of(old).unlink()
    uv = VENV / "uv" / "bin" / "uv"
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not uv.exists():
        say("fetching the installer ...")
        run(
            [
                *(*pip, "--require-hashes", "--target", uv.parent.parent),
                *("--requirement", ROOT / "requirements" / "bootstrap.txt"),
            ],
            "The installer could not be fetched",
        )
    say("installing the packages of the lock file ...")
    synced = subprocess.run(  # noqa: S603 - our own words only
        # Ready-made packages only: nothing is compiled, so no compiler can be missing.
        [
            *(uv, "pip", "sync", "--require-hashes", "--only-binary", ":all:"),
            *("--python", PYTHON, requirements),
        ],
        cwd=ROOT,
        check=False,
    )
    if synced.returncode:
        # A machine may have told only pip where its packages come from.
        say("once more, with pip: this takes a minute ...")
        run(
            [*pip, "--require-hashes", "--only-binary", ":all:", "--requirement", requirements],
            f"The packages could not be installed with Python {sys.version.split()[0]}: the "
            "registry must be reachable, the disk must have 1 GB free, and this Python must be "
            "one that the packages are made for (3.11 to 3.13)",
        )
    say("installing Carehub itself ...")
    run(
        [
            *(uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"),
            *("--python", PYTHON, "--editable", ROOT),
        ],
        "Carehub could not be installed into .venv",
    )
    stamp_of(name).write_text(wanted(name), "ascii")


def install_browser() -> None:
    """See that there is a Chromium for the browser tests."""
    if any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        return
    remedy = "run `apt-get install chromium fonts-liberation` as root and start again"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SetUpError(f"The browser tests need Chromium: {remedy}.")
    say("installing Chromium from the system's packages: this takes a minute or two ...")
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for words in (
        ["apt-get", "update", "--quiet=2"],
        [
            *("apt-get", "install", "--yes", "--quiet=2", "--no-install-recommends"),
            *("chromium", "fonts-liberation"),
        ],
    ):
        done = subprocess.run(  # noqa: S603 - our own words only
            words, env=environment, stdout=subprocess.DEVNULL, check=False
        )
        if done.returncode:
            raise SetUpError(f"Chromium could not be installed by itself: {remedy}.")


def main(name: str) -> None:
    if not installed(name):
        make_environment()
        install(name)
    run([PYTHON, "-m", "hub.supervisor.assets", name], "The front-end files could not be installed")
    if name == "test":
        install_browser()


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except SetUpError as failure:
        sys.exit(str(failure))
    except OSError as failure:
        sys.exit(f"The set-up cannot go on: {failure.strerror} ({failure.filename}).")
    except KeyboardInterrupt:
        sys.exit("stopped")
