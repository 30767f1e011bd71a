"""Where epochs begin. They are offsets of the changelog, so in a new Kafka they would begin anew,
below those that restored records and the platforms' marks hold (DESIGN: rule 5). A restore writes
the floor that all new epochs stand on."""

from __future__ import annotations

from streams.database import Database


def _place(history: str) -> str:
    return f"epoch-floor:{history}"


async def floor_of(database: Database, history: str) -> int:
    """What is added to every epoch of this log (`streams.topics.history_of`); 0 where nothing was
    restored. Raises PyMongoError."""
    row = await database["ss_checkpoints"].find_one({"_id": _place(history)})
    return int(row["floor"]) if row else 0


async def raise_floor(database: Database, history: str, floor: int) -> None:
    """From the next claim on; it never sinks. Raises PyMongoError."""
    await database["ss_checkpoints"].update_one(
        {"_id": _place(history)}, {"$max": {"floor": floor}}, upsert=True
    )
