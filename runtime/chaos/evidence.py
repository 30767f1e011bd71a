"""What is kept of a seed that failed: enough to find out why without running it again."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError

from runtime.chaos.seed import Result
from runtime.demo.system import System
from runtime.holdings import Tape

_TOPICS = (
    "inbound", "observations", "outcomes", "resolutions", "entities-changelog", "commands.mongodb",
    "commands.woocommerce", "commands.whatsapp", "feed", "conflicts", "deadletter",
)  # fmt: skip
_TOPICS_LIMIT_S = 60.0


async def keep(home: Path, system: System, result: Result) -> Path:
    """Findings, journal, stores, the engine's topics and the logs of all processes. The folder."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = home / "evidence" / f"{stamp}-seed-{result.seed}"
    folder.mkdir(parents=True)
    findings = [asdict(one) for one in result.verdict.findings]
    error = [{"kind": "error", "told": result.error}] if result.error else []
    _write(folder / "findings.jsonl", [*error, *findings])
    _write(folder / "journal.jsonl", result.journal.lines())
    _write(folder / "faults.jsonl", (asdict(fault) for fault in result.faults))
    sight = result.sight
    if sight is not None:
        stores = {
            "entities": sight.entities, "shop_edits": sight.edits, "messages": sight.messages,
            "effects": sight.effects, "letters": sight.letters,
            **{f"mongodb_{name}": rows for name, rows in sight.documents.items()},
            "shop_products": sight.shop["products"], "shop_orders": sight.shop["orders"],
            "shop_customers": sight.shop["customers"],
        }  # fmt: skip
        for name, rows in stores.items():
            _write(folder / f"{name}.jsonl", rows)
    with suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(_TOPICS_LIMIT_S):
            _write(folder / "topics.jsonl", await _topics(system, result.organization_id))
    for place in (system.home, system.home / "servers"):
        shutil.copytree(place / "logs", folder / "logs", dirs_exist_ok=True)
    return folder


async def _topics(system: System, organization_id: str) -> list[dict[str, Any]]:
    """Every record of the organisation, in the order of their times."""
    found: list[dict[str, Any]] = []
    mine = organization_id.encode()

    def take(message: Any) -> None:
        if (message.key or b"").partition(b"/")[0] == mine:
            value = (message.value or b"").decode(errors="replace")
            found.append(
                {
                    "at_ms": message.timestamp, "topic": message.topic,
                    "partition": message.partition, "offset": message.offset,
                    "key": message.key.decode(errors="replace"), "value": value,
                }
            )  # fmt: skip

    names = [f"{system.prefix}{name}" for name in _TOPICS]
    async with Tape(system.kafka(), *names) as tape:
        await tape.read(take)
    return sorted(found, key=lambda row: (row["at_ms"], row["topic"], row["offset"]))


def _write(path: Path, rows: Iterable[Any]) -> None:
    path.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows))
