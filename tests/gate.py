"""A gate on the way to a server: open it passes on; closed it holds what comes and loses it."""

import contextlib
import socket
import threading
from collections.abc import Iterator


class Gate:
    """Listens on loopback. What came while it was closed never arrives, as on a broken line."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._closed = threading.Event()
        self._held: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    def open(self) -> None:
        self._closed.clear()
        while self._held:
            self._held.pop().close()

    @property
    def holds(self) -> bool:
        """Say whether somebody waits in front of the closed gate."""
        return bool(self._held)

    def stop(self) -> None:
        self.open()
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                if self._closed.is_set():
                    self._held.append(near)
                    continue
                far = socket.create_connection(("127.0.0.1", self._upstream))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65_536):
            target.sendall(part)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@contextlib.contextmanager
def gate(upstream: int) -> Iterator[Gate]:
    made = Gate(upstream)
    yield made
    made.stop()
