"""Heartbeats: each part says in real time that it lives."""

import time

import redis

from hub.queries.heartbeats import KEY


def beat(valkey: redis.Redis, part: str) -> None:
    valkey.hset(KEY, part, repr(round(time.time(), 3)))
