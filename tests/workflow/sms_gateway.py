"""A gateway for text messages as a process of its own: it counts keys, and can hold its answer.

``python -m tests.workflow.sms_gateway FOLDER HOLD``: writes its port to ``FOLDER/port`` and one
line a message to ``FOLDER/came.jsonl`` before it answers; the first HOLD messages get no answer
for as long as anybody would wait.
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def main(folder: Path, hold: int) -> None:
    lock = threading.Lock()
    count = 0

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal count
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            line = {"key": self.headers["Idempotency-Key"], "to": body["to"], "text": body["text"]}
            with lock:
                count += 1
                held = count <= hold
                with (folder / "came.jsonl").open("a") as file:
                    file.write(json.dumps(line) + "\n")
            if held:
                time.sleep(600)
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.send_header("X-Acknowledgement-Id", f"gateway-{count}")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    started = folder / "port.new"
    started.write_text(str(server.server_address[1]))
    started.rename(folder / "port")
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
