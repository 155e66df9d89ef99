"""When a hub is ready: its pages answer from the database and a Celery task made a round trip."""

import http.client
import time
from collections.abc import Callable

from celery import Celery
from celery.exceptions import TimeoutError as CeleryTimeoutError
from kombu.exceptions import OperationalError

PING = "workflows.app.ping"
QUEUE = "notification"


def web_answers(port: int) -> bool:
    """Ask /ready once."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def celery_address(redis_url: str) -> str:
    """Give kombu's spelling of a unix socket's address."""
    if not redis_url.startswith("unix://"):
        return redis_url
    path, _, query = redis_url.removeprefix("unix://").partition("?")
    number = query.removeprefix("db=") or "0"
    return f"redis+socket://{path}?virtual_host={number}"


def worker_answers(redis_url: str, *, seconds: float, alive: Callable[[], bool]) -> bool:
    """Send a task to the worker and wait for its answer."""
    address = celery_address(redis_url)
    app = Celery("readiness", broker=address, backend=address)
    deadline = time.monotonic() + seconds
    try:
        sent = app.send_task(PING, queue=QUEUE, expires=seconds)
        while time.monotonic() < deadline and alive():
            try:
                return bool(sent.get(timeout=0.5) == "pong")
            except CeleryTimeoutError:
                continue
    except OperationalError:
        return False
    finally:
        app.close()
    return False
