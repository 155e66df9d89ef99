"""Child processes that die with their parent, and are found again if they did not."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from hub.supervisor.accounts import Account
from hub.supervisor.failures import NotAnsweringError

# The kernel's "parent died" signal follows the thread that started the child, so that every child
# starts from this one thread, which lives as long as the process (prctl(2), PR_SET_PDEATHSIG).
_STARTER = ThreadPoolExecutor(1, thread_name_prefix="starter")


@dataclass(slots=True)
class Child:
    """One process that we started, with the whole process group it leads."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    """Where the child starts."""
    log: Path
    pid_file: Path
    account: Account | None = None
    """None: our own account."""
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGTERM
    """What the kernel sends when the supervisor died without stopping its children."""
    patience: float = 15.0
    """Seconds from the stop signal to the kill."""
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def start(self) -> None:
        """Start the process in a group of its own, its output going to the log."""
        command = list(self.command)
        if setpriv := shutil.which("setpriv"):
            name = self.orphan_signal.name.removeprefix("SIG")
            command = [setpriv, "--pdeathsig", name, "--", *command]
        switch = self.account is not None and self.account.switch
        with self.log.open("ab") as log:
            self.process = _STARTER.submit(
                subprocess.Popen,
                command,
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches the supervisor alone, which then stops the children in order.
                start_new_session=True,
                user=self.account.uid if switch and self.account else None,
                group=self.account.gid if switch and self.account else None,
                extra_groups=[] if switch else None,
            ).result()
        self.pid_file.write_text(f"{self.pid} {_birth(self.pid)}\n", "ascii")

    @property
    def pid(self) -> int:
        """The process id, which is its group's too."""
        assert self.process is not None
        return self.process.pid

    @property
    def running(self) -> bool:
        """Tell whether the process is alive."""
        return self.process is not None and self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code; negative for a signal; None while running or never started."""
        return None if self.process is None else self.process.poll()

    def stop(self) -> int | None:
        """Ask the process to end, and end it if it does not."""
        if self.process is None:
            return None
        if self.running:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(self.patience)
            except subprocess.TimeoutExpired:
                self.kill()
        self.clear_group()
        self.pid_file.unlink(missing_ok=True)
        return self.process.returncode

    def kill(self) -> None:
        """End the process and its group at once (``kill -9``)."""
        if self.process is None:
            return
        _signal_group(self.pid, signal.SIGKILL)
        self.process.wait()
        self.pid_file.unlink(missing_ok=True)

    def clear_group(self) -> None:
        """End what the process left in its group, so that nothing of it blocks another start."""
        if self.process is not None and self.process.poll() is not None:
            _signal_group(self.pid, signal.SIGKILL)

    def last_words(self, lines: int = 20) -> str:
        """Give the end of the log."""
        try:
            text = self.log.read_bytes()[-16_384:].decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


def _signal_group(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _birth(pid: int) -> str:
    """Say when a process began, which tells it from a later one with the same number."""
    try:
        # Field 22 of proc(5) stat; the second field is a name in brackets that may hold spaces.
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19]
    except OSError:
        if Path("/proc/self").exists():
            return ""
    done = subprocess.run(  # noqa: S603 - macOS has no /proc
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _ours(pid: int, birth: str) -> bool:
    """Tell whether the group that a child led still has members."""
    now = _birth(pid)
    if now:
        return now == birth
    # The leader is gone: its number is not given out again while its group has members.
    return _signal_group(pid, 0)


def end_leftover(pid_file: Path, *, patience: float = 10.0) -> bool:
    """End what a killed supervisor left behind of one child; tell whether anything was there."""
    try:
        number, _, birth = pid_file.read_text("ascii").strip().partition(" ")
        pid = int(number)
    except (OSError, ValueError):
        return False
    found = _ours(pid, birth)
    if found:
        # It may be ending already, by the signal that came with its parent's death.
        _signal_group(pid, signal.SIGINT if pid_file.stem == "postgres" else signal.SIGTERM)
        deadline = time.monotonic() + patience
        while _ours(pid, birth) and time.monotonic() < deadline:
            time.sleep(0.05)
        if _ours(pid, birth):
            _signal_group(pid, signal.SIGKILL)
    pid_file.unlink(missing_ok=True)
    return found


def wait_until(child: Child, ready: Callable[[], bool], *, seconds: float) -> None:
    """Wait until a child answers; end the wait at once when it dies."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not child.running:
            raise NotAnsweringError(f"{child.name} ended at once (code {child.exit_code}).")
        if time.monotonic() > deadline:
            raise NotAnsweringError(
                f"{child.name} did not answer within {seconds:.0f} seconds; its log is {child.log}."
            )
        time.sleep(0.02)
