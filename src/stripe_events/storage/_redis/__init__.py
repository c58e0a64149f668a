"""The ledger in Redis, by redis-py: the only package of the library that imports it."""

from __future__ import annotations

try:
    from stripe_events.storage._redis._async import AsyncRedisStore
    from stripe_events.storage._redis._sync import RedisStore
except ModuleNotFoundError as error:
    if error.name != "redis":
        raise
    raise ModuleNotFoundError(
        "RedisStore needs redis-py: pip install 'stripe-events[redis]'", name="redis"
    ) from error

__all__ = ["AsyncRedisStore", "RedisStore"]
