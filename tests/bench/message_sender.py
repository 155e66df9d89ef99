"""``python -m tests.bench.message_sender FILE URL TOKEN RATE``: other systems, at a steady rate.

Open loop: each message leaves at its own moment, however slow the answers are, and its time is
counted from that moment. What is not answered, or with 5xx, is sent again under the same request
id, as a real sender does. Prints one line of JSON for each message.
"""

import base64
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local
from typing import Any

import requests

_PATIENCE = 60.0
_THREADS = 256
_OWN = local()


def _send(url: str, token: str, message: dict[str, Any], at: float) -> dict[str, Any]:
    wait = at - time.monotonic()
    if wait > 0:
        time.sleep(wait)
    left = time.monotonic()
    if not hasattr(_OWN, "session"):
        _OWN.session = requests.Session()
        _OWN.session.headers["Authorization"] = f"Bearer {token}"
    attempts, status, first = 0, 0, ""
    while attempts == 0 or ((status == 0 or status >= 500) and time.monotonic() < at + _PATIENCE):
        if attempts:
            time.sleep(0.2)
        attempts += 1
        try:
            answer = _OWN.session.post(
                f"{url}/fhir/$process-message",
                data=base64.b64decode(message["body"]),
                headers=message["headers"],
                timeout=20,
            )
            status = answer.status_code
            if status >= 400 and status != 409 and not first:
                first = f"{status} {answer.text[:300]}"
        except requests.RequestException as error:
            status, first = 0, first or type(error).__name__
    return {
        "request": message["headers"]["X-Request-Id"],
        "repeat": message["repeat"],
        "late": round(max(0.0, left - at), 4),
        "seconds": round(time.monotonic() - at, 4),
        "attempts": attempts,
        "status": status,
        "complaint": first,
    }


def main() -> None:
    file, url, token, rate = sys.argv[1:]
    messages = [json.loads(line) for line in Path(file).read_text("utf-8").splitlines()]
    # Threads are there before the first message leaves.
    began = time.monotonic() + 1.0
    with ThreadPoolExecutor(_THREADS) as threads:
        sent = [
            threads.submit(_send, url, token, each, began + number / float(rate))
            for number, each in enumerate(messages)
        ]
        for each in sent:
            print(json.dumps(each.result()), flush=True)


if __name__ == "__main__":
    main()
