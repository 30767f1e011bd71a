"""A person's data out of Redis: links by their number or address, and whatever else names them.
All of it is a copy, so what is dropped is read from MongoDB again."""

from __future__ import annotations

from redis.asyncio import Redis

from schemas.settings import Endpoints
from streams.archive.erasing import Person
from streams.cache import CACHE_ERRORS, get_many, open_cache

AT_ONCE = 1_000
AWAY = "Redis did not answer: what it keeps of them is gone after a day"


async def forget_cached(endpoints: Endpoints, person: Person) -> str:
    """Drops every entry that tells of them. Empty, or why that cannot be said."""
    cache = open_cache(endpoints)
    try:
        names: list[str] = []
        async for name in cache.scan_iter(match="ss:*", count=AT_ONCE):
            names.append(name)
            if len(names) >= AT_ONCE:
                await _forget(cache, names, person)
                names = []
        await _forget(cache, names, person)
    except CACHE_ERRORS:
        return AWAY
    finally:
        await cache.aclose()
    return ""


async def _forget(cache: Redis, names: list[str], person: Person) -> None:
    if not names:
        return
    values = await get_many(cache, names)  # of other kinds of entry, None
    theirs = [
        name
        for name, value in zip(names, values, strict=True)
        if person.within(name) or (value and person.within(value))
    ]
    if theirs:
        await cache.delete(*theirs)
