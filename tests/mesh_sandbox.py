"""NHS England's own MESH sandbox as a process of its own, and a hospital that uses it.

It checks the signature of each request, as MESH does; its mailboxes are X26ABC1 to X26ABC3.
"""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
from mesh_client import MeshClient

HOSPITAL = "X26ABC1"
HUB = "X26ABC2"
PASSWORD = "password"
WORKFLOW = "TOC_FHIR_EDISCHARGE"


@dataclass
class Sandbox:
    process: subprocess.Popen[bytes]
    url: str
    shared_key: str

    def environment(self) -> dict[str, str]:
        """Return the settings of a hub that has the mailbox HUB."""
        return {
            "CAREHUB_MESH_URL": self.url,
            "CAREHUB_MESH_MAILBOX": HUB,
            "CAREHUB_MESH_PASSWORD": PASSWORD,
            "CAREHUB_MESH_SHARED_KEY": self.shared_key,
        }

    @contextlib.contextmanager
    def client(self, mailbox: str = HOSPITAL) -> Iterator[MeshClient]:
        with MeshClient(
            self.url, mailbox, PASSWORD, shared_key=self.shared_key.encode(), max_retries=0
        ) as made:
            yield made

    def post(self, body: bytes, *, chunk: int | None = None, compress: bool = False) -> str:
        """Send a message from the hospital to the hub, in chunks where it is said."""
        with self.client() as client:
            sent: str = client.send_message(
                HUB, body, workflow_id=WORKFLOW, max_chunk_size=chunk, compress=compress
            )
            return sent

    def answers(self) -> list[tuple[str, str, bytes]]:
        """Return (local id, workflow, content) of what came to the hospital and is not read yet."""
        found = []
        with self.client() as client:
            for message_id in client.list_messages():
                message = client.retrieve_message(message_id)
                found.append((str(message.local_id), str(message.workflow_id), message.read()))
                message.close()
        return found

    def waiting(self, mailbox: str = HUB) -> list[str]:
        """Return what lies in a mailbox and is not acknowledged."""
        with self.client(mailbox) as client:
            listed: list[str] = client.list_messages()
            return listed

    def report(self, linked: str) -> None:
        """Let MESH say that it could not deliver a message of the hub."""
        requests.post(
            f"{self.url}/messageexchange/admin/report",
            json={
                "mailbox_id": HUB,
                "code": "14",
                "description": "Message not collected by recipient after 5 days",
                "workflow_id": f"{WORKFLOW}_ACK",
                "linked_message_id": linked,
                "status": "undeliverable",
            },
            timeout=10,
        ).raise_for_status()

    def empty(self) -> None:
        requests.delete(f"{self.url}/messageexchange/admin/reset", timeout=10).raise_for_status()


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Sandbox]:
    """Start the sandbox on a port that it gets open, so that nobody else can take it."""
    key = secrets.token_hex(8)
    with socket.socket() as listening, (folder / "mesh.log").open("ab") as log:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        port = listening.getsockname()[1]
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "uvicorn", "mesh_sandbox.api:app"),
                *("--fd", str(listening.fileno()), "--log-level", "warning"),
            ],
            env=os.environ | {"AUTH_MODE": "full", "STORE_MODE": "memory", "SHARED_KEY": key},
            pass_fds=[listening.fileno()],
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    sandbox = Sandbox(process, f"http://127.0.0.1:{port}", key)
    try:
        _wait(sandbox)
        yield sandbox
    finally:
        process.kill()
        process.wait()


def _wait(sandbox: Sandbox) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and sandbox.process.poll() is None:
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{sandbox.url}/health", timeout=5).ok:
                return
        time.sleep(0.1)
    raise AssertionError("the MESH sandbox does not start")
