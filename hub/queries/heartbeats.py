"""When each part of the hub last said that it lives: for /metrics and outside monitoring."""

import redis

KEY = "carehub:heartbeats"
"""Valkey hash: part -> seconds since 1970, real time."""


def heartbeats(valkey: redis.Redis) -> dict[str, float]:
    """Return the last heartbeat of each part; empty when Valkey does not answer."""
    try:
        found = valkey.hgetall(KEY)
    except redis.RedisError:
        return {}
    assert isinstance(found, dict)
    return {
        str(part, "utf-8") if isinstance(part, bytes) else part: float(seconds)
        for part, seconds in sorted(found.items())
    }
