"""The watchdog against a real broker: a worker that is alive and does nothing is replaced."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from runtime.guard import Guard
from runtime.settings import ROOT
from runtime.supervisor import ProcessEvent, ProcessSpec, Supervisor
from runtime.watchdog import Limits
from schemas.settings import Endpoints

pytestmark = [pytest.mark.servers]

# Commits five records, then hangs; its successor, which finds the marker, does the rest.
WORKER = """
import asyncio, sys
from pathlib import Path
from aiokafka import AIOKafkaConsumer
async def main(server, marker):
    consumer = AIOKafkaConsumer("guarded", bootstrap_servers=server, group_id="guarded",
                                auto_offset_reset="earliest", enable_auto_commit=False,
                                session_timeout_ms=2000, heartbeat_interval_ms=500)
    await consumer.start()
    first = not marker.exists()
    async for record in consumer:
        await consumer.commit()
        if first and record.offset == 4:
            marker.touch()
            await asyncio.sleep(600)
asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
"""


async def _publish(server: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=server)
    await admin.start()
    await admin.create_topics([NewTopic("guarded", 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=server)
    await producer.start()
    for number in range(20):
        await producer.send_and_wait("guarded", str(number).encode())
    await producer.stop()


def test_a_hung_worker_is_replaced(servers: dict[str, str], tmp_path: Path) -> None:
    server = servers["KAFKA_URL"].removeprefix("kafka://")
    asyncio.run(_publish(server))
    events: list[ProcessEvent] = []
    spec = ProcessSpec(
        "worker",
        (sys.executable, "-P", "-c", WORKER, server, str(tmp_path / "marker")),
        {**os.environ, "PYTHONPATH": str(ROOT)},
        groups={"guarded": ("guarded",)},
    )
    limits = Limits(group_stall_s=1.5, grace_s=3, look_every_s=0.4)
    with Supervisor([spec], home=tmp_path, name="t", listener=events.append) as supervisor:
        guard = Guard(supervisor, Endpoints.of(servers), limits)
        guard.start()
        until_s = time.monotonic() + 40
        while not any(event.what == "replaced" for event in events):
            assert time.monotonic() < until_s
            time.sleep(0.1)
        time.sleep(limits.grace_s + 2 * limits.group_stall_s)
        guard.stop()
    replaced = [event.detail for event in events if event.what == "replaced"]
    assert len(replaced) == 1, "its successor works and is left alone"
    assert replaced[0].startswith("guarded: no commit for ")
    assert replaced[0].endswith(" with 15 waiting")
